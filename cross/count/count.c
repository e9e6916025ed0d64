// A QEMU plugin that counts the instructions of an emulated program. When the program ends, the plugin writes the number to the
// file given by the option `out=`.
//
// For the plugin interface of QEMU 7.2. The functions in use are declared here, because Debian has no package with the header.
// All instructions of a translation block are counted when the block is entered, in all threads.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct tb;
typedef uint64_t plugin_id;
enum { NO_REGISTERS = 0 };
size_t qemu_plugin_tb_n_insns(const struct tb *tb);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*translated)(plugin_id, struct tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct tb *tb, void (*entered)(unsigned, void *), int flags, void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*ended)(plugin_id, void *), void *data);

// The version of the plugin interface. QEMU checks it.
__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static uint64_t instructions;
static char file[4096];

static void entered(unsigned processor, void *size) {
  (void)processor;
  __atomic_fetch_add(&instructions, (uintptr_t)size, __ATOMIC_RELAXED);
}

static void translated(plugin_id id, struct tb *tb) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_cb(tb, entered, NO_REGISTERS, (void *)(uintptr_t)qemu_plugin_tb_n_insns(tb));
}

static void ended(plugin_id id, void *data) {
  (void)id;
  (void)data;
  FILE *out = fopen(file, "w");
  if (out == NULL || fprintf(out, "%llu\n", (unsigned long long)instructions) < 0 || fclose(out) != 0) perror(file);
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int count, char **options) {
  (void)info;
  if (count != 1 || strncmp(options[0], "out=", 4) != 0 || strlen(options[0] + 4) >= sizeof file) {
    fprintf(stderr, "the plugin needs exactly one option, out=PATH\n");
    return -1;
  }
  strcpy(file, options[0] + 4);
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, ended, NULL);
  return 0;
}

// A QEMU plugin that counts how many times each translation block of an emulated program runs. A translation block is a run of
// instructions that ends at a branch or at the end of a page. When the program ends, the plugin writes to the file given by the
// option `out=`:
//
//     B ADDRESS INSTRUCTIONS TIMES     a block: hexadecimal address, number of instructions, number of executions
//     S                                the end of the list of blocks
//     M LINE                           a line of /proc/self/maps: where a file is mapped
//
// Each time that the program closes the file descriptor MARK, which does not exist, the plugin also writes the list so far. A block
// that is translated more than once has several lines, whose numbers are to be added. Counting is inline: QEMU adds it to
// the block's own code, without a call. It is not atomic, so a program with several threads may be counted too low.
//
// For the plugin interface of QEMU 7.2. The functions in use are declared here, because Debian has no package with the header; so
// no headers of glib are needed.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tb;
typedef uint64_t plugin_id;
enum { ADD = 0, CLOSE_OF_AARCH64 = 57, MARK = -4242 };
size_t qemu_plugin_tb_n_insns(const struct tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct tb *tb);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*translated)(plugin_id, struct tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct tb *tb, int operation, void *counter, uint64_t amount);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id id, void (*called)(plugin_id, unsigned processor, int64_t number, uint64_t,
                                                                         uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                                                         uint64_t, uint64_t));
void qemu_plugin_register_atexit_cb(plugin_id id, void (*ended)(plugin_id, void *), void *data);

// The version of the plugin interface. QEMU checks it.
__attribute__((visibility("default"))) int qemu_plugin_version = 1;

struct block {
  uint64_t address, instructions, times;
  struct block *next;
};

static struct block *blocks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *out;
// A process that the program forks does not count: it shares the file.
static pid_t counted;

static void write_blocks(void) {
  if (getpid() != counted) return;
  pthread_mutex_lock(&lock);
  for (const struct block *block = blocks; block != NULL; block = block->next)
    if (block->times != 0)
      fprintf(out, "B %llx %llu %llu\n", (unsigned long long)block->address, (unsigned long long)block->instructions,
              (unsigned long long)block->times);
  pthread_mutex_unlock(&lock);
  fputs("S\n", out);
  fflush(out);
}

static void called(plugin_id id, unsigned processor, int64_t number, uint64_t descriptor, uint64_t b, uint64_t c, uint64_t d,
                   uint64_t e, uint64_t f, uint64_t g, uint64_t h) {
  (void)id, (void)processor, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
  if (number == CLOSE_OF_AARCH64 && (int32_t)descriptor == MARK) write_blocks();
}

static void translated(plugin_id id, struct tb *tb) {
  (void)id;
  struct block *block = malloc(sizeof *block);
  if (block == NULL) abort();
  pthread_mutex_lock(&lock);
  *block = (struct block){qemu_plugin_tb_vaddr(tb), qemu_plugin_tb_n_insns(tb), 0, blocks};
  blocks = block;
  pthread_mutex_unlock(&lock);
  qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD, &block->times, 1);
}

static void ended(plugin_id id, void *data) {
  (void)id;
  (void)data;
  if (getpid() != counted) return;
  write_blocks();
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[8192];
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) fprintf(out, "M %s", line);
  if (maps == NULL || fclose(out) != 0) perror("the counts");
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int count, char **options) {
  (void)info;
  if (count != 1 || strncmp(options[0], "out=", 4) != 0) {
    fprintf(stderr, "the plugin needs exactly one option, out=PATH\n");
    return -1;
  }
  counted = getpid();
  out = fopen(options[0] + 4, "w");
  if (out == NULL) {
    perror(options[0] + 4);
    return -1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_vcpu_syscall_cb(id, called);
  qemu_plugin_register_atexit_cb(id, ended, NULL);
  return 0;
}

//! Which kernels run the 8-bit networks on this processor, and why.
//!
//! The kernels are chosen by what the system offers to programs. `/proc/cpuinfo` only explains the choice: it may list features that
//! the system does not offer, or may not list them in a container, and it lists the cores one by one.

use std::collections::BTreeMap;
use std::fmt;

use ostiary_kernels::Isa;

/// The kernels of a host, and what its processor has and lacks.
pub struct KernelPath {
    best: Isa,
    /// The instruction sets of the architecture, slowest first, with the features that they need and whether the system offers them.
    isas: Vec<(Isa, Vec<(&'static str, bool)>)>,
    cores: Cores,
}

impl KernelPath {
    /// The kernels of this host, whose `/proc/cpuinfo` has this text.
    pub fn new(cpuinfo: &str) -> Self {
        let isas = Isa::ALL.into_iter().filter_map(|isa| Some((isa, isa.features()?))).collect();
        Self { best: Isa::best(), isas, cores: Cores::parse(cpuinfo) }
    }

    /// The instruction set of the kernels.
    pub fn isa(&self) -> Isa {
        self.best
    }

    /// Features that would give faster kernels, which `/proc/cpuinfo` lists for all cores, but the system does not offer.
    pub fn withheld(&self) -> Vec<&'static str> {
        self.features(|name, offered| !offered && self.cores.all_have(name))
    }

    /// What is unusual about the processor, each as a sentence without a full stop.
    pub fn remarks(&self) -> Vec<String> {
        let unlisted = self.features(|name, offered| offered && !self.cores.all_have(name));
        let [kinds, uncommon] = [self.cores.kinds(), self.cores.uncommon_features()];
        let unlisted = (self.cores.has_features() && !unlisted.is_empty()).then(|| {
            format!(
                "/proc/cpuinfo does not list {} for all cores, but the system offers it",
                unlisted.join(", ")
            )
        });
        let kinds = (!kinds.is_empty()).then(|| {
            format!("the cores differ ({kinds}): the kernels use what the system offers for all of them")
        });
        let uncommon = (!uncommon.is_empty()).then(|| format!("only some cores list {uncommon}"));
        [unlisted, kinds, uncommon].into_iter().flatten().collect()
    }

    /// The features of all kernels for which the condition holds, each once. It gets the name, and whether the system offers it.
    fn features(&self, condition: impl Fn(&str, bool) -> bool) -> Vec<&'static str> {
        let all = self.isas.iter().flat_map(|(_, features)| features);
        let mut found = Vec::new();
        for (name, offered) in all {
            if condition(name, *offered) && !found.contains(name) {
                found.push(*name);
            }
        }
        found
    }
}

/// `int8 kernels: neon; no neon-dotprod: this processor lacks asimddp`.
impl fmt::Display for KernelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "int8 kernels: {}", self.best)?;
        let next_faster = self.isas.iter().skip_while(|(isa, _)| *isa != self.best).nth(1);
        let Some((isa, features)) = next_faster else {
            return match self.best {
                Isa::Scalar => write!(f, "; this program has no others for {}", std::env::consts::ARCH),
                _ => f.write_str(", the fastest of this program"),
            };
        };
        let missing = features.iter().filter_map(|(name, offered)| (!offered).then_some(*name));
        let missing: Vec<&str> = missing.collect();
        let lacks = match missing.iter().all(|name| self.cores.all_have(name)) {
            true => "the system does not offer",
            false => "this processor lacks",
        };
        write!(f, "; no {isa}: {lacks} {}", missing.join(", "))
    }
}

/// What `/proc/cpuinfo` lists for each core.
#[derive(Debug, Default)]
struct Cores(Vec<Core>);

#[derive(Debug, Default)]
struct Core {
    /// `flags` on x86, `Features` on ARM.
    features: Vec<String>,
    /// `CPU part`, which only ARM has: 0xd03 is Cortex-A53.
    part: Option<String>,
}

impl Cores {
    fn parse(cpuinfo: &str) -> Self {
        let mut cores: Vec<Core> = Vec::new();
        for (field, value) in cpuinfo.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match (field.trim(), cores.last_mut()) {
                ("processor", _) => cores.push(Core::default()),
                ("flags" | "Features", Some(core)) => {
                    core.features = value.split_whitespace().map(str::to_owned).collect();
                }
                ("CPU part", Some(core)) => core.part = Some(value.to_owned()),
                _ => {}
            }
        }
        Self(cores)
    }

    /// Whether any features are listed.
    fn has_features(&self) -> bool {
        self.0.iter().any(|core| !core.features.is_empty())
    }

    fn all_have(&self, feature: &str) -> bool {
        self.has_features() && self.0.iter().all(|core| core.features.iter().any(|listed| listed == feature))
    }

    /// The kinds of the cores with their numbers, `4 of 0xd03, 2 of 0xd09`; empty if all are of one kind.
    fn kinds(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for part in self.0.iter().filter_map(|core| core.part.as_deref()) {
            *counts.entry(part).or_default() += 1;
        }
        let kinds = counts.iter().map(|(part, count)| format!("{count} of CPU part {part}"));
        if counts.len() > 1 { kinds.collect::<Vec<_>>().join(", ") } else { String::new() }
    }

    /// The features that some cores have and others lack.
    fn uncommon_features(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for feature in self.0.iter().flat_map(|core| &core.features) {
            *counts.entry(feature).or_default() += 1;
        }
        let uncommon = counts.iter().filter(|(_, count)| **count < self.0.len()).map(|(feature, _)| *feature);
        uncommon.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Texts in the form that Linux writes for these processors; none is a recording.
    /// A Raspberry Pi 4: four Cortex-A72.
    const PI4: &str = include_str!("../tests/cpuinfo/raspberry-pi-4.txt");
    /// A board with four Cortex-A55 and four A76.
    const RK3588: &str = include_str!("../tests/cpuinfo/rk3588.txt");
    /// A board with four Cortex-A53 and two A72.
    const RK3399: &str = include_str!("../tests/cpuinfo/rk3399.txt");
    /// A Raspberry Pi 2 with a 32-bit system.
    const PI2: &str = include_str!("../tests/cpuinfo/raspberry-pi-2.txt");
    const N5105: &str = include_str!("../tests/cpuinfo/celeron-n5105.txt");

    /// An ARM processor, of which the system offers these features.
    fn arm(offered: &[&str], cpuinfo: &str) -> KernelPath {
        let feature = |name: &'static str| (name, offered.contains(&name));
        let isas = vec![
            (Isa::Scalar, vec![]),
            (Isa::Neon, vec![feature("asimd")]),
            (Isa::NeonDot, vec![feature("asimd"), feature("asimddp")]),
        ];
        of(isas, cpuinfo)
    }

    fn of(isas: Vec<(Isa, Vec<(&'static str, bool)>)>, cpuinfo: &str) -> KernelPath {
        let available = isas.iter().rfind(|(_, features)| features.iter().all(|(_, offered)| *offered));
        let best = available.unwrap().0;
        KernelPath { best, isas, cores: Cores::parse(cpuinfo) }
    }

    #[test]
    fn the_reason_names_what_the_processor_lacks() {
        let pi4 = arm(&["asimd"], PI4);
        assert_eq!(pi4.to_string(), "int8 kernels: neon; no neon-dotprod: this processor lacks asimddp");
        assert_eq!((pi4.withheld(), pi4.remarks()), (vec![], vec![]));

        let x86 = |name| (name, N5105.split_whitespace().any(|listed| listed == name));
        let n5105 = of(
            vec![
                (Isa::Scalar, vec![]),
                (Isa::Sse41, vec![x86("ssse3"), x86("sse4_1")]),
                (Isa::Avx2, vec![x86("avx2"), x86("fma")]),
            ],
            N5105,
        );
        assert_eq!(n5105.to_string(), "int8 kernels: sse4.1; no avx2: this processor lacks avx2, fma");
        assert_eq!((n5105.withheld(), n5105.remarks()), (vec![], vec![]));

        let pi2 = of(vec![(Isa::Scalar, vec![])], PI2);
        let arch = std::env::consts::ARCH;
        assert_eq!(pi2.to_string(), format!("int8 kernels: scalar; this program has no others for {arch}"));
        assert_eq!((pi2.withheld(), pi2.remarks()), (vec![], vec![]));
    }

    #[test]
    fn features_that_the_system_withholds_or_does_not_list_are_named() {
        let withheld = arm(&["asimd"], &PI4.replace("cpuid", "cpuid asimddp"));
        assert_eq!((withheld.withheld(), withheld.isa()), (vec!["asimddp"], Isa::Neon));
        let reason = "int8 kernels: neon; no neon-dotprod: the system does not offer asimddp";
        assert_eq!(withheld.to_string(), reason);
        // Of one core alone, it would not be offered.
        let one = arm(&["asimd"], &PI4.replacen("cpuid", "cpuid asimddp", 1));
        assert_eq!(
            (one.withheld(), one.remarks()),
            (vec![], vec!["only some cores list asimddp".to_owned()])
        );

        let unlisted = arm(&["asimd", "asimddp"], PI4);
        assert_eq!(unlisted.to_string(), "int8 kernels: neon-dotprod, the fastest of this program");
        assert_eq!(
            unlisted.remarks(),
            ["/proc/cpuinfo does not list asimddp for all cores, but the system offers it"]
        );
        // A container may have no such file.
        let empty = arm(&["asimd", "asimddp"], "");
        assert_eq!((empty.withheld(), empty.remarks()), (vec![], vec![]));
    }

    #[test]
    fn unlike_cores_are_named() {
        let rk3588 = arm(&["asimd", "asimddp"], RK3588);
        let remark = "the cores differ (4 of CPU part 0xd05, 4 of CPU part 0xd0b): the kernels use what the system offers for all \
                      of them";
        assert_eq!((rk3588.isa(), rk3588.remarks()), (Isa::NeonDot, vec![remark.to_owned()]));
        let rk3399 = arm(&["asimd"], RK3399).remarks();
        assert!(rk3399[0].contains("(4 of CPU part 0xd03, 2 of CPU part 0xd08)"), "{rk3399:?}");
    }

    #[test]
    fn this_host_has_a_reason() {
        let path = KernelPath::new(&std::fs::read_to_string("/proc/cpuinfo").unwrap());
        assert!(path.to_string().starts_with(&format!("int8 kernels: {}", Isa::best())), "{path}");
    }
}

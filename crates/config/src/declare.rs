//! The macros that declare the configuration. A key is written once, in a file of `sections/`; its field, its default, its
//! range, `config show`, the commented `ostiary.toml` and the manual page come from there.

/// Declares a section: its name, the name of its struct, and its keys.
///
/// ```text
/// section! {
///     /// What the section is for.
///     [camera] Camera {
///         /// What the key means, with the unit.
///         fps: u32 = 30 => integer(1, 240);
///     }
/// }
/// ```
///
/// After the `=` stands the default, and after the `=>` the [`Rule`](crate::rule::Rule): which values are allowed, an
/// example for a key without a default, and whether a change needs a restart.
///
/// It makes the struct with its `Default`, and the [`Section`](crate::Section) that describes it at run time.
macro_rules! section {
    (
        $(#[doc = $section_doc:literal])+
        [$section:ident] $Struct:ident {
            $(
                $(#[doc = $doc:literal])+
                $key:ident: $type:ty = $default:expr => $rule:expr;
            )+
        }
    ) => {
        #[doc = concat!("The section `[", stringify!($section), "]`.\n")]
        $(#[doc = $section_doc])+
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $Struct {
            $(
                $(#[doc = $doc])+
                pub $key: $type,
            )+
        }

        impl Default for $Struct {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl $crate::key::Declared for $Struct {
            const SECTION: $crate::Section = $crate::Section {
                name: stringify!($section),
                doc: &[$($section_doc),+],
                keys: &[$($crate::Key {
                    name: concat!(stringify!($section), ".", stringify!($key)),
                    doc: &[$($doc),+],
                    rule: $rule,
                }),+],
                examples: &[],
            };

            fn changed(&self, new: &Self) -> Vec<&'static $crate::Key> {
                let changed = [$(self.$key != new.$key),+];
                let keys = Self::SECTION.keys.iter().zip(changed);
                keys.filter_map(|(key, changed)| changed.then_some(key)).collect()
            }
        }
    };
}

/// Declares the struct of the whole configuration and the table of its sections, in the order of the file.
macro_rules! configuration {
    ($($section:ident: $type:ty,)+) => {
        /// Everything that can be set.
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Config {
            $(
                #[doc = concat!("The section `[", stringify!($section), "]`.")]
                pub $section: $type,
            )+
        }

        /// Every section with its keys, in the order of the file.
        pub static SECTIONS: &[$crate::Section] = &[$(<$type as $crate::key::Declared>::SECTION),+];

        impl Config {
            /// The names of the keys that differ in `new` and that a running daemon cannot change.
            pub fn restart_keys(&self, new: &Self) -> Vec<&'static str> {
                let mut changed: Vec<&'static $crate::Key> = Vec::new();
                $(changed.extend($crate::key::Declared::changed(&self.$section, &new.$section));)+
                changed.into_iter().filter(|key| key.needs_restart()).map($crate::Key::name).collect()
            }
        }
    };
}

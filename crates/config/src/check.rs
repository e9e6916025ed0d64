//! Checks one value against the rule of its key.

use std::collections::BTreeMap;

use ostiary_core::redact;
use toml::Value;

use crate::error::Problem;
use crate::lookup;
use crate::origin::Origin;
use crate::rule::ValueError;
use crate::schedule::Hours;

/// The value in its key's own type, if the key exists and allows it.
pub(crate) fn check(name: &str, value: Value, origin: &Origin) -> Result<Value, Problem> {
    // A value may be the address of a stream.
    let text = redact(&value.to_string());
    let checked = match (lookup::find(name), lookup::group(name)) {
        (Some(key), _) => key.check(value),
        (None, Some(group)) => check_times(group, value),
        (None, None) => {
            let hint = lookup::hint(name);
            return Err(Problem::Unknown { origin: origin.clone(), name: name.to_owned(), hint });
        }
    };
    checked.map_err(|refusal| {
        let (origin, key) = (origin.clone(), name.to_owned());
        match refusal {
            ValueError::WrongType { expected, found } => Problem::WrongType { origin, key, expected, found },
            ValueError::OutOfRange { allowed } => Problem::OutOfRange { origin, key, value: text, allowed },
        }
    })
}

/// The times of a group, if they can be understood.
fn check_times(group: &str, value: Value) -> Result<Value, ValueError> {
    let texts = value.as_array().and_then(|items| {
        items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    let Some(texts) = texts else {
        return Err(ValueError::WrongType {
            expected: "a list of times, as in [\"mon-fri 08:00-18:00\"]".to_owned(),
            found: format!("{} ({value})", value.type_str()),
        });
    };
    match Hours::parse(&BTreeMap::from([(group.to_owned(), texts)])) {
        Ok(_) => Ok(value),
        Err(error) => Err(ValueError::OutOfRange {
            allowed: format!(
                "times like \"mon-fri 08:00-18:00\", \"22:00-06:00\", \"always\" or \"never\" (\"{}\": {})",
                error.text, error.why
            ),
        }),
    }
}

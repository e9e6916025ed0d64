//! Whether parameters are those of a call.

use serde_json::{Number, Value};
use varlink_parser::{IDL, VStruct, VStructOrEnum, VType, VTypeExt};

/// Checks an object against the description of its fields. `what` names it in the error. Whole numbers that are written in another way, as
/// `25.0`, become such as the door reads.
///
/// # Errors
/// What is wrong.
pub fn check(interface: &IDL<'_>, fields: &VStruct<'_>, value: &mut Value, what: &str) -> Result<(), String> {
    let Value::Object(given) = value else { return Err(format!("{what} must be a JSON object")) };
    if let Some(unknown) = given.keys().find(|name| fields.elts.iter().all(|field| field.name != *name)) {
        return Err(format!("{unknown}: there is no such parameter"));
    }
    for field in &fields.elts {
        match given.get_mut(field.name).filter(|value| !value.is_null()) {
            Some(value) => check_value(interface, &field.vtype, value, field.name)?,
            None if matches!(field.vtype, VTypeExt::Option(_)) => {}
            None => return Err(format!("{}: this parameter is missing", field.name)),
        }
    }
    Ok(())
}

fn check_value(
    interface: &IDL<'_>,
    kind: &VTypeExt<'_>,
    value: &mut Value,
    name: &str,
) -> Result<(), String> {
    let wrong = |wanted: &str| Err(format!("{name}: wanted {wanted}"));
    match (kind, value) {
        (VTypeExt::Option(_), Value::Null) => Ok(()),
        (VTypeExt::Option(kind), value) => check_value(interface, kind, value, name),
        (VTypeExt::Array(kind), Value::Array(items)) => {
            items.iter_mut().try_for_each(|item| check_value(interface, kind, item, name))
        }
        (VTypeExt::Dict(kind), Value::Object(items)) => {
            items.values_mut().try_for_each(|item| check_value(interface, kind, item, name))
        }
        (VTypeExt::Array(_), _) => wrong("an array"),
        (VTypeExt::Dict(_), _) => wrong("an object"),
        (VTypeExt::Plain(kind), value) => match (kind, value) {
            (VType::Bool, Value::Bool(_))
            | (VType::String, Value::String(_))
            | (VType::Float, Value::Number(_))
            | (VType::Object, _) => Ok(()),
            (VType::Int, Value::Number(number)) => match whole(number) {
                Some(whole) => {
                    *number = whole.into();
                    Ok(())
                }
                None => wrong("a whole number"),
            },
            (VType::Bool, _) => wrong("true or false"),
            (VType::String, _) => wrong("a string"),
            (VType::Float, _) => wrong("a number"),
            (VType::Int, _) => wrong("a whole number"),
            (VType::Struct(fields), value) => check(interface, fields, value, name),
            (VType::Enum(choices), value) => one_of(&choices.elts, value, name),
            (VType::Typename(of), value) => match interface.typedefs.get(of).map(|named| &named.elt) {
                Some(VStructOrEnum::VStruct(fields)) => check(interface, fields, value, name),
                Some(VStructOrEnum::VEnum(choices)) => one_of(&choices.elts, value, name),
                None => wrong("another type"),
            },
        },
    }
}

/// The whole number that this is: in JSON Schema `25.0` is one too.
fn whole(number: &Number) -> Option<i64> {
    // Above this, a number that was read as a float may be another one than was written.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let is_whole = |number: &f64| number.fract() == 0.0 && number.abs() <= EXACT;
    let of_float = || format!("{:.0}", number.as_f64().filter(is_whole)?).parse().ok();
    number.as_i64().or_else(of_float)
}

fn one_of(choices: &[&str], value: &Value, name: &str) -> Result<(), String> {
    match value.as_str().is_some_and(|text| choices.contains(&text)) {
        true => Ok(()),
        false => Err(format!("{name}: wanted one of {}", choices.join(", "))),
    }
}

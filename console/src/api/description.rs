//! The calls that the API offers, read from the description of the control API.

use std::convert::TryFrom;
use std::sync::LazyLock;

use ostiary_control::DESCRIPTION;
use serde_json::Value;
use varlink_parser::{IDL, Method, Typedef};

use super::api_error::ApiError;
use super::parameters::check;

/// The calls that only make sense on a connection of their own, which an HTTP request is not: who runs sudo, and photos that the next call
/// enrolls, which the pages send.
const LEFT_OUT: [&str; 3] = ["SetSudoUser", "SendPhoto", "EnrollPhotos"];

static INTERFACE: LazyLock<Option<Interface>> = LazyLock::new(|| {
    let parsed = IDL::try_from(DESCRIPTION);
    parsed.inspect_err(|error| log::error!(target: "ostiary::console", "{error}")).ok().map(Interface)
});

/// The description of the control API.
pub struct Interface(IDL<'static>);

/// A call.
pub struct ApiMethod {
    /// Its name.
    pub name: &'static str,
    /// Whether it gives one object a line, instead of one object.
    pub has_many_replies: bool,
    /// Its description.
    pub described: &'static Method<'static>,
    interface: &'static Interface,
}

/// The description of the control API, which is a part of the program.
pub fn interface() -> Result<&'static Interface, ApiError> {
    INTERFACE.as_ref().ok_or(ApiError::Internal)
}

impl Interface {
    /// The call with this name.
    pub fn method(&'static self, name: &str) -> Option<ApiMethod> {
        let described = self.0.methods.get(name).filter(|method| !LEFT_OUT.contains(&method.name))?;
        Some(ApiMethod {
            name: described.name,
            // The description says so in words, which its readers need too.
            has_many_replies: described.doc.contains("`more`"),
            described,
            interface: self,
        })
    }

    /// All calls, in the order of the description.
    pub fn methods(&'static self) -> impl Iterator<Item = ApiMethod> {
        self.0.method_keys.iter().filter_map(|name| self.method(name))
    }

    /// All types that have a name.
    pub fn types(&self) -> impl Iterator<Item = &Typedef<'static>> {
        self.0.typedefs.values()
    }
}

impl ApiMethod {
    /// Reads the parameters of a call. Without a body all are left out.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parameters(&self, body: &[u8]) -> Result<Value, String> {
        let given = if body.is_empty() { b"{}".as_slice() } else { body };
        let mut parameters =
            serde_json::from_slice(given).map_err(|error| format!("the body is no JSON: {error}"))?;
        self.check(&mut parameters)?;
        Ok(parameters)
    }

    /// Checks the parameters of a call: the door passes over those that it does not know. Numbers are written as the door reads them.
    fn check(&self, parameters: &mut Value) -> Result<(), String> {
        check(&self.interface.0, &self.described.input, parameters, "the body")
    }
}

/// The lines of a comment as one text.
pub fn words(doc: &str) -> String {
    let lines = doc.lines().map(|line| line.trim().trim_start_matches('#').trim());
    lines.collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::interface;

    #[test]
    fn parameters_are_those_of_the_call() {
        let check = |method: &str, mut parameters| {
            interface().unwrap().method(method).unwrap().check(&mut parameters)
        };
        assert_eq!(check("GetState", json!({})), Ok(()));
        assert_eq!(check("HoldOpen", json!({ "seconds": 5 })), Ok(()));
        assert_eq!(check("ListEvents", json!({ "filter": { "person": "Ada" }, "limit": null })), Ok(()));
        for (method, parameters, said) in [
            ("GetState", json!([]), "the body must be a JSON object"),
            ("GetState", json!({ "token": "x" }), "token: there is no such parameter"),
            ("HoldOpen", json!({}), "seconds: this parameter is missing"),
            ("HoldOpen", json!({ "seconds": "5" }), "seconds: wanted a number"),
            ("ListEvents", json!({ "filter": { "name": "Ada" } }), "name: there is no such parameter"),
            ("ListEvents", json!({ "filter": {}, "limit": 1.5 }), "limit: wanted a whole number"),
            ("EnablePerson", json!({ "name": "Ada", "enabled": 1 }), "enabled: wanted true or false"),
            ("Replay", json!({ "changes": "x" }), "changes: wanted an array"),
            ("Replay", json!({ "changes": [1] }), "changes: wanted a string"),
        ] {
            assert_eq!(check(method, parameters), Err(said.to_owned()), "{method}");
        }
        assert!(interface().unwrap().method("SendPhoto").is_none(), "left out");
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let explain = interface().unwrap().method("ExplainDecision").unwrap();
        for (written, read) in [("25.0", "25"), ("-2e3", "-2000"), ("-0.0", "0"), ("25", "25")] {
            let mut parameters = serde_json::from_str(&format!("{{\"id\":{written}}}")).unwrap();
            assert_eq!(explain.check(&mut parameters), Ok(()), "{written}");
            assert_eq!(parameters.to_string(), format!("{{\"id\":{read}}}"));
        }
        for written in ["1e19", "9223372036854775808", "-9223372036854775809", "0.5"] {
            let mut parameters = serde_json::from_str(&format!("{{\"id\":{written}}}")).unwrap();
            assert!(explain.check(&mut parameters).is_err(), "{written}");
        }
    }
}

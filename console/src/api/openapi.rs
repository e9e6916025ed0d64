//! The description of the API in the format OpenAPI 3.1, made of the description of the control API.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::Json;
use serde_json::{Map, Value, json};
use varlink_parser::{Argument, VStruct, VStructOrEnum, VType, VTypeExt};

use super::api_error::ApiError;
use super::description::{ApiMethod, Interface, interface, words};

/// The statuses of errors, and what they mean.
const ERRORS: [(&str, &str); 9] = [
    ("400", "The parameters are not those of the call."),
    ("401", "The header Authorization has no token."),
    ("403", "The door does not accept the token, or its role does not allow the call."),
    ("408", "The body did not come within 30 seconds."),
    ("409", "The door refuses it, and nothing has changed, unless the message says otherwise."),
    ("413", "The body has more than 64 KiB."),
    ("429", "Too many requests of this address."),
    ("500", "Something does not work that should."),
    ("503", "The door does not run or does not answer, or too many calls are being answered."),
];

static OPENAPI: LazyLock<Result<Value, ApiError>> = LazyLock::new(make);

/// Shows the description.
pub async fn show() -> Result<Json<Value>, ApiError> {
    OPENAPI.clone().map(Json)
}

fn make() -> Result<Value, ApiError> {
    let interface = interface()?;
    let of_requests = types_of_requests(interface);
    let paths: Map<_, _> =
        interface.methods().map(|method| (path(method.name), operation(&method))).collect();
    let mut schemas: Map<_, _> = interface
        .types()
        .map(|named| {
            let mut schema = match &named.elt {
                VStructOrEnum::VStruct(fields) => object(fields, of_requests.contains(named.name)),
                VStructOrEnum::VEnum(choices) => json!({ "type": "string", "enum": choices.elts }),
            };
            set(&mut schema, "description", words(named.doc));
            (named.name.to_owned(), schema)
        })
        .collect();
    let text = json!({ "type": "string" });
    schemas.insert(
        "Error".to_owned(),
        json!({
            "type": "object", "required": ["error", "message"], "properties": { "error": text, "message": text },
            "description": "error is a stable name, message says why and what to do.",
        }),
    );
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ostiary", "version": env!("CARGO_PKG_VERSION"),
            "description": "The calls of a running door. Each takes a token of the door, which `sudo ostiary tokens create` makes.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
        "security": [{ "token": [] }],
    }))
}

/// The names of the types of parameters, also inside of others.
fn types_of_requests(interface: &'static Interface) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let mut fields: Vec<_> = interface.methods().flat_map(|method| &method.described.input.elts).collect();
    while let Some(field) = fields.pop() {
        let mut kind = &field.vtype;
        while let VTypeExt::Option(inner) | VTypeExt::Array(inner) | VTypeExt::Dict(inner) = kind {
            kind = inner;
        }
        match kind {
            VTypeExt::Plain(VType::Struct(inner)) => fields.extend(&inner.elts),
            VTypeExt::Plain(VType::Typename(name)) if found.insert(*name) => {
                let named = interface.types().find(|named| named.name == *name);
                if let Some(VStructOrEnum::VStruct(inner)) = named.map(|named| &named.elt) {
                    fields.extend(&inner.elts);
                }
            }
            VTypeExt::Plain(_) | VTypeExt::Option(_) | VTypeExt::Array(_) | VTypeExt::Dict(_) => {}
        }
    }
    found
}

fn path(method: &str) -> String {
    format!("/api/v1/{method}")
}

fn operation(method: &ApiMethod) -> Value {
    let error = json!({ "$ref": "#/components/schemas/Error" });
    let described = method.described;
    let doc = words(described.doc);
    let summary =
        doc.split_once(". ").map_or(doc.as_str(), |(first, _)| first).trim_end_matches('.').to_owned();
    let reply = object(&described.output, false);
    let (kind, meaning, reply) = match method.has_many_replies {
        true => (
            "application/x-ndjson",
            "One object a line, as they come. An error after the first is the last line.",
            json!({ "anyOf": [reply, error] }),
        ),
        false => ("application/json", "The reply.", reply),
    };
    let mut responses: Map<_, _> = ERRORS
        .iter()
        .map(|(status, meaning)| {
            let content = match *status {
                "429" => json!({ "text/plain": { "schema": { "type": "string" } } }),
                _ => json!({ "application/json": { "schema": error } }),
            };
            ((*status).to_owned(), json!({ "description": meaning, "content": content }))
        })
        .collect();
    let reply = json!({ "description": meaning, "content": { kind: { "schema": reply } } });
    responses.insert("200".to_owned(), reply);
    json!({
        "post": {
            "operationId": method.name,
            "summary": summary,
            "description": doc,
            "requestBody": {
                // Without a body all parameters are left out.
                "required": described.input.elts.iter().any(is_required),
                "content": { "application/json": { "schema": object(&described.input, true) } },
            },
            "responses": responses,
        }
    })
}

/// Whether a field cannot be left out.
fn is_required(field: &Argument<'_>) -> bool {
    !matches!(field.vtype, VTypeExt::Option(_))
}

/// The schema of an object with these fields. Requests may have no others; later versions of the door may add fields to replies.
fn object(fields: &VStruct<'_>, is_request: bool) -> Value {
    let required: Vec<_> =
        fields.elts.iter().filter(|field| is_required(field)).map(|field| field.name).collect();
    let properties: Map<_, _> =
        fields.elts.iter().map(|field| (field.name.to_owned(), schema(&field.vtype))).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        set(&mut schema, "required", required);
    }
    if is_request {
        set(&mut schema, "additionalProperties", false);
    }
    schema
}

fn schema(kind: &VTypeExt<'_>) -> Value {
    match kind {
        VTypeExt::Option(kind) => json!({ "anyOf": [schema(kind), { "type": "null" }] }),
        VTypeExt::Array(kind) => json!({ "type": "array", "items": schema(kind) }),
        VTypeExt::Dict(kind) => json!({ "type": "object", "additionalProperties": schema(kind) }),
        VTypeExt::Plain(kind) => match kind {
            VType::Bool => json!({ "type": "boolean" }),
            VType::Int => json!({ "type": "integer", "format": "int64" }),
            VType::Float => json!({ "type": "number" }),
            VType::String => json!({ "type": "string" }),
            // Any JSON.
            VType::Object => json!({}),
            VType::Typename(name) => json!({ "$ref": format!("#/components/schemas/{name}") }),
            VType::Struct(fields) => object(fields, false),
            VType::Enum(choices) => json!({ "type": "string", "enum": choices.elts }),
        },
    }
}

fn set(schema: &mut Value, name: &str, value: impl Into<Value>) {
    if let Value::Object(fields) = schema {
        fields.insert(name.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_described() {
        let made = make().unwrap();
        let paths = made["paths"].as_object().unwrap();
        assert_eq!(paths.len(), interface().unwrap().methods().count());
        for (path, item) in paths {
            let post = &item["post"];
            assert!(post["summary"].as_str().is_some_and(|text| text.len() > 5), "{path}: {post}");
            let described = post["description"].as_str().unwrap();
            assert!(
                ["For viewers.", "For operators.", "For admins."]
                    .iter()
                    .any(|role| described.ends_with(role)),
                "{path} says for which role it is"
            );
        }
        let hold = &paths["/api/v1/HoldOpen"]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(hold["required"], json!(["seconds"]));
        let is_needed =
            |method: &str| &paths[&format!("/api/v1/{method}")]["post"]["requestBody"]["required"];
        assert_eq!(
            [is_needed("HoldOpen"), is_needed("GetReport"), is_needed("GetState")],
            [true, false, false]
        );
        assert_eq!(hold["additionalProperties"], json!(false));
        let schemas = &made["components"]["schemas"];
        assert_eq!(schemas["EventFilter"]["additionalProperties"], json!(false), "a type of requests");
        assert_eq!(schemas["State"].get("additionalProperties"), None, "a later version may add fields");
        let follow = &paths["/api/v1/FollowEvents"]["post"]["responses"]["200"]["content"];
        assert!(follow.get("application/x-ndjson").is_some(), "{follow}");
    }

    #[test]
    fn every_type_that_is_referred_to_is_there() {
        let made = make().unwrap();
        let text = made.to_string();
        let named = text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
        for name in named {
            assert!(made["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }
}

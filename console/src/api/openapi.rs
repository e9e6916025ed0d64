//! The description of the API in the format OpenAPI 3.1, made of the description of the control API.

use std::sync::LazyLock;

use axum::Json;
use serde_json::{Map, Value, json};
use varlink_parser::{VStruct, VStructOrEnum, VType, VTypeExt};

use super::api_error::ApiError;
use super::description::{ApiMethod, interface, words};

/// The statuses of errors, and what they mean.
const ERRORS: [(&str, &str); 8] = [
    ("400", "The parameters are not those of the call."),
    ("401", "The header Authorization has no token."),
    ("403", "The door does not accept the token, or its role does not allow the call."),
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
    let paths: Map<_, _> =
        interface.methods().map(|method| (path(method.name), operation(&method))).collect();
    let mut schemas: Map<_, _> = interface
        .types()
        .map(|named| {
            let mut schema = match &named.elt {
                VStructOrEnum::VStruct(fields) => object(fields, false),
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

fn path(method: &str) -> String {
    format!("/api/v1/{method}")
}

fn operation(method: &ApiMethod) -> Value {
    let described = method.described;
    let doc = words(described.doc);
    let summary =
        doc.split_once(". ").map_or(doc.as_str(), |(first, _)| first).trim_end_matches('.').to_owned();
    let (kind, meaning) = match method.has_many_replies {
        true => (
            "application/x-ndjson",
            "One object a line, as they come. An error after the first is the last line.",
        ),
        false => ("application/json", "The reply."),
    };
    let mut responses: Map<_, _> = ERRORS
        .iter()
        .map(|(status, meaning)| {
            let content = match *status {
                "429" => json!({ "text/plain": { "schema": { "type": "string" } } }),
                _ => json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } }),
            };
            ((*status).to_owned(), json!({ "description": meaning, "content": content }))
        })
        .collect();
    let reply = json!({ "description": meaning, "content": { kind: { "schema": object(&described.output, false) } } });
    responses.insert("200".to_owned(), reply);
    json!({
        "post": {
            "operationId": method.name,
            "summary": summary,
            "description": doc,
            "requestBody": {
                "required": !described.input.elts.is_empty(),
                "content": { "application/json": { "schema": object(&described.input, true) } },
            },
            "responses": responses,
        }
    })
}

/// The schema of an object with these fields. Requests may have no others; later versions of the door may add fields to replies.
fn object(fields: &VStruct<'_>, is_request: bool) -> Value {
    let is_required = |kind: &VTypeExt<'_>| !matches!(kind, VTypeExt::Option(_));
    let required = fields.elts.iter().filter(|field| is_required(&field.vtype)).map(|field| field.name);
    let required: Vec<_> = required.collect();
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
        assert_eq!(hold["additionalProperties"], json!(false));
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

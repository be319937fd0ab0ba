//! JSON Schema of messages as the JSON mapping of proto3 writes and reads them.

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::io::http::bounds;

/// What a reader does with a field that its message does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The node, of what is asked.
    Refuses,
    /// A client, of what is answered: a newer node may say more.
    Skips,
}

/// Schemas of messages and vocabularies, each once, by name.
#[derive(Debug)]
pub struct Schemas {
    unknown: Unknown,
    /// None while a message that contains itself is being described.
    made: BTreeMap<String, Option<Value>>,
}

impl Schemas {
    pub fn new(unknown: Unknown) -> Self {
        Self { unknown, made: BTreeMap::new() }
    }

    /// A reference to the schema of a message, which is made where it is new.
    pub fn reference(&mut self, message: &MessageDescriptor) -> Value {
        if message.full_name() == "google.protobuf.Timestamp" {
            return json!({"type": "string", "format": "date-time"});
        }
        let name = message.name().to_owned();
        if !self.made.contains_key(&name) {
            self.made.insert(name.clone(), None);
            let schema = self.object(message);
            self.made.insert(name.clone(), Some(schema));
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    fn object(&mut self, message: &MessageDescriptor) -> Value {
        let mut properties = Map::new();
        for field in message.fields() {
            let mut schema = field_schema(&field, self);
            let comment = comment_of(&field.parent_file(), field.path());
            if !comment.is_empty() {
                schema["description"] = comment.into();
            }
            properties.insert(field.json_name().to_owned(), schema);
        }
        let mut schema = json!({
            "type": "object",
            "description": comment_of(&message.parent_file(), message.path()),
            "properties": properties,
        });
        if self.unknown == Unknown::Refuses {
            schema["additionalProperties"] = false.into();
        }
        schema
    }

    fn vocabulary(&mut self, words: &EnumDescriptor) -> Value {
        let name = words.name().to_owned();
        let schema = json!({
            "type": "string",
            "description": comment_of(&words.parent_file(), words.path()),
            "enum": words.values().map(|word| word.name().to_owned()).collect::<Vec<_>>(),
        });
        self.made.insert(name.clone(), Some(schema));
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// All of them.
    pub fn finish(self) -> Map<String, Value> {
        self.made.into_iter().filter_map(|(name, schema)| schema.map(|schema| (name, schema))).collect()
    }
}

/// The schema of one field.
pub fn field_schema(field: &FieldDescriptor, schemas: &mut Schemas) -> Value {
    let one = match field.kind() {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::String => json!({"type": "string"}),
        Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
        Kind::Double | Kind::Float => json!({"type": "number"}),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({"type": "integer", "format": "int32"}),
        Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            json!({"type": ["string", "integer"], "format": "int64", "pattern": "^-?[0-9]{1,19}$"})
        }
        Kind::Uint64 | Kind::Fixed64 => {
            json!({"type": ["string", "integer"], "format": "uint64", "minimum": 0, "pattern": "^[0-9]{1,20}$"})
        }
        Kind::Message(message) => schemas.reference(&message),
        Kind::Enum(words) => schemas.vocabulary(&words),
    };
    if !field.is_list() {
        return one;
    }
    let mut list = json!({"type": "array", "items": one});
    if let Some(most) = bounds::most(field) {
        list["maxItems"] = most.into();
    }
    list
}

/// The comment in front of what stands at `path` of its file, on one line.
pub fn comment_of(file: &FileDescriptor, path: &[i32]) -> String {
    let described = file.file_descriptor_proto();
    let locations = described.source_code_info.iter().flat_map(|info| &info.location);
    let comment = locations.into_iter().find(|location| location.path == path).map(|found| found.leading_comments());
    comment.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

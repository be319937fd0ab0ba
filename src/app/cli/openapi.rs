//! `hushwire openapi`: the description of the HTTP/JSON interface, without a node.

use prost_reflect::DescriptorPool;

use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::io::grpc::wire::DESCRIPTORS;
use crate::io::http::openapi::document;

/// Print the OpenAPI 3.1 description of the node's HTTP/JSON interface
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire openapi > hushwire-openapi.json

A running node serves the same document: GET /v1/openapi.json on its local listener.")]
pub struct OpenApiArgs {}

/// See the module's documentation.
pub fn run(_: OpenApiArgs) -> Result<Outcome, CliError> {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("made by the build");
    output::answer_json(&document(&pool))?;
    Ok(Outcome::Done)
}

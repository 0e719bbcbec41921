//! What the filter knows of the Model Context Protocol: requests in, answers out.

pub mod answer;
pub mod definition;
mod edit;
pub mod headers;
pub mod keys;
pub mod list;
pub mod media;
pub mod message;
pub mod method;
pub mod name;
pub mod rounds;
pub mod screen;
pub mod sse;
pub mod summary;
pub mod uri;

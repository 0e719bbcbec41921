//! What the filter knows of the Model Context Protocol: requests in, answers out.

pub mod answer;
pub mod headers;
pub mod keys;
pub mod list;
pub mod media;
pub mod message;
pub mod sse;
pub mod uri;

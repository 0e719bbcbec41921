//! Where in a mesh a policy belongs.

use crate::outcome::Failure;
use crate::yaml::{self, indented, quoted};

/// Where the object of a mesh belongs.
#[derive(Debug)]
pub struct Place {
    /// The namespace
    pub namespace: String,
    /// What it applies to
    pub scope: Scope,
    /// The labels are those of a gateway's pods
    pub is_gateway: bool,
}

/// What an object of a mesh applies to.
#[derive(Debug)]
pub enum Scope {
    /// Everything with all of these labels, as pairs
    Labels(Vec<(String, String)>),
    /// One object of the same namespace
    Object {
        /// Its kind
        kind: Kind,
        /// Its name
        name: String,
    },
}

/// The kinds of objects to which a policy can be attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A gateway or a waypoint
    Gateway,
    /// Routes of a gateway
    HttpRoute,
    /// A service behind a waypoint
    Service,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Gateway, Self::HttpRoute, Self::Service];

    /// Returns its name in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "Gateway",
            Self::HttpRoute => "HTTPRoute",
            Self::Service => "Service",
        }
    }

    fn group(self) -> &'static str {
        if self == Self::Service { "" } else { "gateway.networking.k8s.io" }
    }
}

impl Place {
    /// Reads the options about the place.
    ///
    /// # Errors
    /// They are not names, or do not fit each other.
    pub fn read(
        namespace: &str,
        selector: &[String],
        attach: Option<&str>,
        is_gateway: bool,
    ) -> Result<Self, Failure> {
        if !is_name(namespace) {
            return Err(Failure::new(format!(
                "--namespace `{namespace}` is not a valid name of a namespace"
            )));
        }
        let scope = match (selector, attach) {
            ([], None) => {
                let what = "--selector is needed, such as `app=mcp-server`, or --attach, such as `Gateway/mcp`: without \
                            them the policy would apply to everything in the namespace";
                return Err(Failure::new(what));
            }
            ([], Some(object)) => object_of(object)?,
            (labels, None) => Scope::Labels(labels.iter().map(|text| label(text)).collect::<Result<_, _>>()?),
            (_, Some(_)) => return Err(Failure::new("--selector and --attach cannot be combined")),
        };
        if is_gateway && matches!(scope, Scope::Object { .. }) {
            return Err(Failure::new(
                "--gateway is for --selector, because --attach names the kind of the object",
            ));
        }
        Ok(Self { namespace: namespace.to_owned(), scope, is_gateway })
    }

    /// Makes sure that the policy can be attached there.
    ///
    /// # Errors
    /// The object has another kind than `kinds`. `what` is the target in words.
    pub fn expect(&self, kinds: &[Kind], what: &str) -> Result<(), Failure> {
        match &self.scope {
            Scope::Object { kind, .. } if !kinds.contains(kind) => Err(Failure::new(format!(
                "--attach {}/…: {what} can be attached to {}",
                kind.name(),
                kinds.iter().map(|kind| format!("`{}/NAME`", kind.name())).collect::<Vec<_>>().join(" or ")
            ))),
            _ => Ok(()),
        }
    }

    /// Writes the labels or the object, as the members of a manifest's `spec`. `selector` is the path of the labels.
    pub fn members(&self, selector: [&str; 2]) -> String {
        match &self.scope {
            Scope::Labels(labels) => {
                let [outer, inner] = selector;
                format!("  {outer}:\n    {inner}:\n{}", indented(&lines(labels), 6))
            }
            Scope::Object { kind, name } => {
                let (group, kind, name) = (quoted(kind.group()), kind.name(), quoted(name));
                format!("  targetRefs:\n    - group: {group}\n      kind: {kind}\n      name: {name}\n")
            }
        }
    }
}

/// Writes labels as lines.
pub fn lines(labels: &[(String, String)]) -> String {
    labels.iter().map(|(key, value)| format!("{}: {}\n", yaml::name(key), quoted(value))).collect()
}

/// Returns whether a text can name an object.
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
}

fn label(text: &str) -> Result<(String, String), Failure> {
    let wrong = || Failure::new(format!("--selector `{text}` is not a label such as `app=mcp-server`"));
    let (key, value) = text.split_once('=').ok_or_else(wrong)?;
    let fits = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    (!key.is_empty() && fits(key) && fits(value))
        .then(|| (key.to_owned(), value.to_owned()))
        .ok_or_else(wrong)
}

fn object_of(text: &str) -> Result<Scope, Failure> {
    let kind = |name: &str| Kind::ALL.into_iter().find(|kind| kind.name() == name);
    text.split_once('/')
        .and_then(|(first, name)| Some((kind(first)?, name)))
        .filter(|(_, name)| is_name(name))
        .map(|(kind, name)| Scope::Object { kind, name: name.to_owned() })
        .ok_or_else(|| {
            Failure::new(format!(
                "--attach `{text}` must be `Gateway/NAME`, `HTTPRoute/NAME` or `Service/NAME`"
            ))
        })
}

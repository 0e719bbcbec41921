//! What a person may do: their roles, and that nobody approves what they asked for themselves.

use std::fmt;

use mcp_policy_filter::policy::Pattern;

use crate::config::{Settings, any};
use crate::model::{Approval, Approver, Verdict};
use crate::store::May;

/// What one person may do, from the configuration's roles and their account's.
#[derive(Debug, Clone, Default)]
pub struct Access {
    allowed: Vec<Allowed>,
}

/// What one role allows.
#[derive(Debug, Clone)]
struct Allowed {
    approve: bool,
    servers: Vec<Pattern>,
    tools: Vec<Pattern>,
}

/// Why a person may not do something with an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// None of their roles lets them see it
    Unseen,
    /// Their roles let them see it, and not decide it
    NotYourRole,
    /// They asked for it themselves, as this principal
    OwnCall(String),
}

impl Access {
    /// Sums up what `approver` may do; `account` is what their local account, if any, was given.
    #[must_use]
    pub fn of(approver: &Approver, account: Option<&May>, settings: &Settings) -> Self {
        let has = |who: &String| match who.strip_prefix("group:") {
            Some(group) => approver.groups.iter().any(|own| own == group),
            None => *who == approver.name,
        };
        let roles = settings.roles.iter().filter(|role| role.who.iter().any(has));
        let mut allowed: Vec<_> = roles
            .map(|role| Allowed {
                approve: role.approve,
                servers: role.servers.clone(),
                tools: role.tools.clone(),
            })
            .collect();
        if let Some(may) = account {
            let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
            let (servers, tools) = (patterns(&may.servers), patterns(&may.tools));
            allowed.push(Allowed { approve: may.approve, servers, tools });
        }
        Self { allowed }
    }

    /// Tells whether they may do anything at all.
    #[must_use]
    pub fn is_any(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// Tells whether one of their roles is over everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        let all = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.to_string() == "*");
        self.allowed.iter().any(|allowed| allowed.approve && all(&allowed.servers) && all(&allowed.tools))
    }

    /// Tells whether they may see calls of this tool of this server.
    #[must_use]
    pub fn sees(&self, server: &str, tool: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed.fits(server, tool))
    }

    /// Tells whether they may see this approval.
    #[must_use]
    pub fn may_view(&self, approval: &Approval) -> bool {
        self.sees(&approval.asked.server, &approval.asked.tool)
    }

    /// Tells whether `approver`, whose access this is, may decide this approval in this way. Whoever
    /// asked may deny, which takes the question back.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn may_decide(
        &self,
        approver: &Approver,
        approval: &Approval,
        verdict: Verdict,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        if !self.may_view(approval) {
            return Err(Refusal::Unseen);
        }
        let (server, tool) = (&approval.asked.server, &approval.asked.tool);
        if !self.allowed.iter().any(|allowed| allowed.approve && allowed.fits(server, tool)) {
            return Err(Refusal::NotYourRole);
        }
        match &approval.asked.principal {
            Some(principal) if verdict == Verdict::Approve && is_same(approver, principal, settings) => {
                Err(Refusal::OwnCall(principal.clone()))
            }
            _ => Ok(()),
        }
    }
}

impl Allowed {
    fn fits(&self, server: &str, tool: &str) -> bool {
        any(&self.servers, server) && any(&self.tools, tool)
    }
}

/// Tells whether a principal is this person, in any case of letters: by name, or as configured.
fn is_same(approver: &Approver, principal: &str, settings: &Settings) -> bool {
    let (name, principal) = (approver.name.to_lowercase(), principal.to_lowercase());
    let mut people = settings.people.iter().filter(|person| person.name.to_lowercase() == name);
    name == principal || people.any(|person| any(&person.principals, &principal))
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen => out.write_str("there is no such approval"),
            Self::NotYourRole => out.write_str("your role lets you look, and not decide"),
            Self::OwnCall(principal) => {
                write!(out, "you asked for this yourself, as {principal}: somebody else has to approve it")
            }
        }
    }
}

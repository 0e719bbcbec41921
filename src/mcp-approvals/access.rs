//! What a person may see and decide. Nobody may approve their own call.

use std::fmt;

use mcp_policy_engine::policy::Pattern;

use crate::config::{Settings, matches_any};
use crate::model::{Approval, Approver, Verdict};
use crate::store::Permissions;

/// Everything one person may do: the configured roles that apply to them, and their account's permissions.
#[derive(Debug, Clone, Default)]
pub struct Access {
    scopes: Vec<Scope>,
}

/// What one role allows.
#[derive(Debug, Clone)]
struct Scope {
    approve: bool,
    servers: Vec<Pattern>,
    tools: Vec<Pattern>,
}

/// Why a person may not do something with an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessDenied {
    /// No role of theirs covers this call
    NotVisible,
    /// Their roles allow viewing this approval, but not deciding it
    ViewOnly,
    /// It is their own call, made as this principal
    OwnCall(String),
}

impl Access {
    /// Collects the scopes of `approver`. `account` holds the permissions of their local account, if they
    /// have one.
    #[must_use]
    pub fn of(approver: &Approver, account: Option<&Permissions>, settings: &Settings) -> Self {
        let has = |who: &String| match who.strip_prefix("group:") {
            Some(group) => approver.groups.iter().any(|own| own == group),
            None => *who == approver.name,
        };
        let roles = settings.roles.iter().filter(|role| role.who.iter().any(has));
        let mut scopes: Vec<_> = roles
            .map(|role| Scope {
                approve: role.approve,
                servers: role.servers.clone(),
                tools: role.tools.clone(),
            })
            .collect();
        if let Some(may) = account {
            let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
            let (servers, tools) = (patterns(&may.servers), patterns(&may.tools));
            scopes.push(Scope { approve: may.approve, servers, tools });
        }
        Self { scopes }
    }

    /// Returns whether they have any role or permission.
    #[must_use]
    pub fn is_any(&self) -> bool {
        !self.scopes.is_empty()
    }

    /// Returns whether one of their roles may decide anything.
    #[must_use]
    pub fn decides(&self) -> bool {
        self.scopes.iter().any(|scope| scope.approve)
    }

    /// Returns whether one of their roles may approve calls of every tool on every server.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        let all = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.to_string() == "*");
        self.scopes.iter().any(|scope| scope.approve && all(&scope.servers) && all(&scope.tools))
    }

    /// Returns whether they may see calls of `tool` on `server`.
    #[must_use]
    pub fn sees(&self, server: &str, tool: &str) -> bool {
        self.scopes.iter().any(|scope| scope.fits(server, tool))
    }

    /// Returns whether they may see this approval.
    #[must_use]
    pub fn may_view(&self, approval: &Approval) -> bool {
        self.sees(&approval.question.server, &approval.question.tool)
    }

    /// Checks whether `approver`, who has this access, may give `verdict` on this approval. A person may
    /// deny their own call, but not approve it.
    ///
    /// # Errors
    /// [`AccessDenied`]
    pub fn may_decide(
        &self,
        approver: &Approver,
        approval: &Approval,
        verdict: Verdict,
        settings: &Settings,
    ) -> Result<(), AccessDenied> {
        if !self.may_view(approval) {
            return Err(AccessDenied::NotVisible);
        }
        let (server, tool) = (&approval.question.server, &approval.question.tool);
        if !self.scopes.iter().any(|scope| scope.approve && scope.fits(server, tool)) {
            return Err(AccessDenied::ViewOnly);
        }
        match &approval.question.principal {
            Some(principal) if verdict == Verdict::Approve && is_same(approver, principal, settings) => {
                Err(AccessDenied::OwnCall(principal.clone()))
            }
            _ => Ok(()),
        }
    }
}

impl Scope {
    fn fits(&self, server: &str, tool: &str) -> bool {
        matches_any(&self.servers, server) && matches_any(&self.tools, tool)
    }
}

/// Returns whether `principal` is this person: by name, or by a configured pattern. Ignores case.
fn is_same(approver: &Approver, principal: &str, settings: &Settings) -> bool {
    let (name, principal) = (approver.name.to_lowercase(), principal.to_lowercase());
    let mut people = settings.people.iter().filter(|person| person.name.to_lowercase() == name);
    name == principal || people.any(|person| matches_any(&person.principals, &principal))
}

impl fmt::Display for AccessDenied {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotVisible => out.write_str("there is no such approval"),
            Self::ViewOnly => out.write_str("your role allows viewing, not deciding"),
            Self::OwnCall(principal) => {
                write!(out, "you asked for this yourself, as {principal}: someone else has to approve it")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::model::{Question, Status};

    const FILE: &str = r#"
        [[roles]]
        who = ["ann", "group:sre"]
        may = "approve"
        servers = ["crm"]
        [[roles]]
        who = ["group:audit", "vic"]
        may = "view"
        [[roles]]
        who = ["vic"]
        may = "approve"
        tools = ["read_*"]
        [[approvers]]
        name = "Ann"
        principals = ["ann@corp.example", "agent-of-ann-*"]
    "#;

    fn approval(server: &str, tool: &str, principal: Option<&str>) -> Approval {
        let text = |text: &str| text.to_owned();
        let question = Question {
            fingerprint: text("f"),
            server: text(server),
            rules: text("r"),
            policy: text("p"),
            grant: text("g"),
            principal: principal.map(text),
            source: None,
            tool: text(tool),
            arguments: text("{}"),
            params: text("{}"),
            host: None,
            path: None,
            call: text("c"),
            rule: text("r"),
            reason: None,
            decision_id: text("d"),
            request_id: None,
            expires_seconds: 900,
        };
        let (created_ms, expires_ms) = (0, 900_000);
        let (id, status) = (text("i"), Status::Pending);
        Approval {
            id,
            question,
            status,
            created_ms,
            expires_ms,
            times: 1,
            decision: None,
            consumed_ms: None,
            superseded_by: None,
        }
    }

    #[test]
    fn roles_and_ownership_limit_decisions() {
        let settings = config::settings(FILE, |_| Ok(String::new())).unwrap();
        let own = |principal: &str| Err(AccessDenied::OwnCall(principal.to_owned()));
        for (name, groups, server, tool, principal, expected) in [
            ("ann", &[][..], "crm", "delete", Some("bot"), Ok(())),
            ("ann", &[], "crm", "delete", None, Ok(())),
            ("ann", &[], "hr", "delete", Some("bot"), Err(AccessDenied::NotVisible)),
            ("ANN", &[], "crm", "delete", Some("bot"), Err(AccessDenied::NotVisible)),
            ("eve", &["sre"], "crm", "delete", Some("bot"), Ok(())),
            ("group:sre", &[], "crm", "delete", Some("bot"), Err(AccessDenied::NotVisible)),
            ("eve", &["group:sre"], "crm", "delete", Some("bot"), Err(AccessDenied::NotVisible)),
            ("eve", &["ann"], "crm", "delete", Some("bot"), Err(AccessDenied::NotVisible)),
            ("eve", &["audit"], "crm", "delete", Some("bot"), Err(AccessDenied::ViewOnly)),
            ("vic", &[], "crm", "delete", Some("bot"), Err(AccessDenied::ViewOnly)),
            ("vic", &[], "crm", "read_all", Some("bot"), Ok(())),
            ("ann", &[], "crm", "delete", Some("ann"), own("ann")),
            ("ann", &[], "crm", "delete", Some("Ann"), own("Ann")),
            ("ann", &[], "crm", "delete", Some("ANN@corp.example"), own("ANN@corp.example")),
            ("ann", &[], "crm", "delete", Some("agent-of-ann-7"), own("agent-of-ann-7")),
            ("ann", &[], "crm", "delete", Some("user:ann"), Ok(())),
            ("eve", &["sre"], "crm", "delete", Some("ann@corp.example"), Ok(())),
        ] {
            let groups = groups.iter().map(|group: &&str| (*group).to_owned()).collect();
            let approver = Approver { name: name.to_owned(), groups };
            let access = Access::of(&approver, None, &settings);
            let approval = approval(server, tool, principal);
            let may = access.may_decide(&approver, &approval, Verdict::Approve, &settings);
            assert_eq!(may, expected, "{name} {:?} {server} {tool} {principal:?}", approver.groups);
            // A person may deny their own call.
            let deny = access.may_decide(&approver, &approval, Verdict::Deny, &settings);
            assert_eq!(deny, if matches!(may, Err(AccessDenied::OwnCall(_))) { Ok(()) } else { may });
        }
    }

    #[test]
    fn an_account_has_the_permissions_of_its_invitation() {
        let settings = Settings::default();
        let approver = Approver { name: "bob".to_owned(), groups: Vec::new() };
        let view =
            Permissions { approve: false, servers: vec!["crm".to_owned()], tools: vec!["*".to_owned()] };
        for (account, sees, decides, everything) in [
            (None, false, false, false),
            (Some(view), true, false, false),
            (Some(Permissions::everything()), true, true, true),
        ] {
            let access = Access::of(&approver, account.as_ref(), &settings);
            let approval = approval("crm", "delete", None);
            assert_eq!(access.may_view(&approval), sees);
            let may = access.may_decide(&approver, &approval, Verdict::Approve, &settings);
            assert_eq!((may.is_ok(), access.is_everything()), (decides, everything));
        }
    }
}

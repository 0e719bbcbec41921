//! The format of test files.

use super::pass;

#[test]
fn a_caller_is_known_by_whatever_source_the_policy_has() {
    let policy = r#"{
      "version": "1", "default": "allow",
      "identity": [
        {"name": "corp", "jwt": {"payload": "corp", "claim": "email"}},
        {"mtls": "uri_san"}, {"api_key": {"header": "authorization", "scheme": "Bearer"}},
        {"attribute": ["filter_state", "agent"]}, {"header": {"name": "x-agent"}}
      ],
      "grants": [
        {"name": "sre", "match": [{"source": "corp", "claim": {"team": "sre"}}]},
        {"name": "corp", "match": [{"source": "corp", "jwt": "*@corp.example"}]},
        {"name": "cert", "match": [{"mtls": "spiffe://*"}]},
        {"name": "key", "match": [{"api_key_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]},
        {"name": "agent", "match": [{"attribute": "a1"}]},
        {"name": "hop", "match": [{"header": "h1"}]}
      ]
    }"#;
    let cases = "
  - { name: c1, as: { principal: ci@corp.example }, call: a, expect: allow, record: { grant: corp, principal: ci@corp.example, source: corp } }
  - { name: c2, as: { principal: ci@corp.example, claims: { team: sre } }, call: a, expect: allow, record: { grant: sre } }
  - { name: c3, as: { claims: { team: sre, email: x } }, call: a, expect: allow, record: { grant: sre, principal: x } }
  - { name: c4, as: { claims: { team: sre } }, call: a, expect: unauthenticated, record: { cause: claim_missing } }
  - { name: c5, mtls: 'spiffe://corp/a', call: a, expect: allow, record: { grant: cert, source: mtls } }
  - { name: c6, mtls: { dns_san: a.example }, call: a, expect: unauthenticated, record: { cause: name_missing } }
  - { name: c7, as: { principal: 'spiffe://corp/a', source: mtls }, call: a, expect: allow, record: { grant: cert } }
  - { name: c8, api_key: secret, call: a, expect: allow, record: { grant: key, source: api_key } }
  - { name: c9, api_key: other, call: a, expect: no_grant }
  - { name: c10, as: { principal: a1, source: attribute }, call: a, expect: allow, record: { grant: agent } }
  - { name: c11, attributes: { filter_state.agent: a1 }, call: a, expect: allow, record: { grant: agent } }
  - { name: c12, as: { principal: h1, source: header }, call: a, expect: allow, record: { grant: hop } }
  - { name: c13, headers: { X-Agent: h1 }, call: a, expect: allow, record: { grant: hop } }
  - { name: c14, headers: { x-agent: [h1, h1] }, call: a, expect: unauthenticated, record: { cause: credential_ambiguous } }
  - { name: c15, tokens: { corp: { email: x@corp.example } }, call: a, expect: allow, record: { grant: corp } }
  - { name: c16, as: { grant: hop }, call: a, expect: allow, record: { grant: hop, principal: null } }
  - { name: c17, call: a, expect: unauthenticated, status: 401 }
  - name: c18
    as: { principal: h1, source: header }
    session: s1
    steps:
      - { call: a, expect: allow, record: { grant: hop } }
      - { call: a, as: { principal: h2, source: header }, expect: no_grant }
";
    pass("callers", policy, cases);
}

#[test]
fn time_and_counters_go_on_within_a_case_and_begin_anew_with_the_next() {
    let policy = r#"{
      "version": "1", "default": "deny", "time_zone": "UTC0",
      "tools": {
        "day": {"limits": [{"counter": "d", "window": "day", "max": 1, "type": "calendar"}]},
        "spend": {"limits": [{"counter": "s", "window": "hour", "max": 10, "amount": "args.n", "scope": "session"}]},
        "work": {"require": [{"path": "time.weekday", "op": "in", "value": ["mon", "tue", "wed", "thu", "fri"]}]}
      }
    }"#;
    let cases = "
  - name: a day
    steps:
      - { call: day, expect: allow }
      - { after: 15h, call: day, expect: rate_limited, retry_after: 3600 }
      - { after: 1h, call: day, expect: allow }
  - { name: the day again, call: day, expect: allow }
  - name: once a day
    steps:
      - { call: day, times: 3, every: 1d, expect: allow }
      - { after: 15h, call: day, times: 2, every: 30m, expect: rate_limited }
      - { after: 30m, call: day, expect: allow }
  - name: sessions
    steps:
      - { call: spend, arguments: { n: 8 }, session: a, expect: allow }
      - { call: spend, arguments: { n: 8 }, session: b, expect: allow }
      - { call: spend, arguments: { n: 8 }, session: a, expect: rate_limited, retry_after: some, reason: [2 of 10 are left, 'with at most 2'] }
      - { call: spend, arguments: { n: 11 }, session: a, expect: rate_limited, retry_after: none }
  - { name: friday, call: work, expect: allow }
  - { name: saturday, at: '2027-01-16T08:00:00Z', call: work, expect: condition_failed }
  - { name: saturday elsewhere, at: '2027-01-16T00:30:00+02:00', call: work, expect: allow }
";
    pass("time", policy, cases);
}

#[test]
fn requests_of_every_form_can_be_sent() {
    let policy = r#"{
      "version": "1", "default": "deny", "exempt_paths": ["/health"],
      "tools": {"a": {}}, "resources": {"file:///docs/*": {}}, "prompts": {"p": {}}, "methods": {"x/y": "allow"}
    }"#;
    let cases = r#"
  - { name: c1, call: a, expect: allow }
  - { name: c2, call: a, arguments: '{"x":1,"x":2}', expect: invalid_request, rpc_code: -32600 }
  - { name: c3, read: 'file:///docs/a', expect: allow, rule: 'resources.file:///docs/*' }
  - { name: c4, read: 'file:///docs/../etc', expect: denied }
  - { name: c5, prompt: p, arguments: { x: '1' }, expect: allow }
  - { name: c6, method: x/y, params: { n: 1 }, expect: allow }
  - { name: c7, method: x/z, expect: not_listed }
  - { name: c8, notify: notifications/initialized, expect: allow }
  - { name: c9, request: { jsonrpc: '2.0', id: 7, method: tools/call, params: { name: a } }, expect: allow, record: { request: 7 } }
  - { name: c10, request: 'no JSON', expect: invalid_request, rpc_code: -32700 }
  - { name: c11, http_method: GET, expect: allow }
  - { name: c12, http_method: PUT, expect: method_not_allowed }
  - { name: c13, call: a, path: /health, expect: exempt }
  - { name: c14, call: a, headers: { content-type: text/plain }, expect: unsupported_media_type }
  - { name: c15, call: a, headers: { content-type: null }, expect: unsupported_media_type }
  - { name: c16, call: b, id: null, expect: not_listed, status: 403 }
  - { name: c17, list: resources, expect: { shows: ['file:///docs/a'], hides: ['file:///etc/passwd'] } }
  - { name: c18, list: prompts, expect: { shows: [p], hides: [q] } }
"#;
    pass("requests", policy, cases);
}

#[test]
fn a_person_decides_as_the_step_says() {
    let policy = r#"{
      "version": "1", "default": "deny", "approvals": {"cluster": "a", "authority": "a.example"},
      "tools": {"wipe": {"action": "require_approval", "limits": [{"counter": "w", "window": "day", "max": 1}]}}
    }"#;
    let cases = "
  - name: every answer
    steps:
      - { call: wipe, expect: approval_required, rule: tools.wipe }
      - { call: wipe, approve: pending, expect: approval_required }
      - { call: wipe, approve: no, expect: approval_denied }
      - { call: wipe, approve: false, expect: approval_denied }
      - { call: wipe, approve: unavailable, expect: approval_unavailable }
      - { call: wipe, approve: yes, expect: allow }
      - { call: wipe, approve: yes, expect: rate_limited }
  - name: an answer for all steps but one
    approve: no
    steps:
      - { call: wipe, expect: approval_denied }
      - { call: wipe, approve: yes, expect: allow }
";
    pass("approvals", policy, cases);
}

#[test]
fn in_shadow_mode_lists_are_whole_and_verdicts_are_what_they_would_be() {
    let policy = r#"{"version": "1", "mode": "shadow", "default": "deny", "tools": {"a": {}}}"#;
    let cases = "
  - { name: c1, call: a, expect: allow }
  - { name: c2, call: b, expect: would_deny not_listed, rule: default, reason: no rule of the policy names it }
  - { name: c3, list: tools, expect: { shows: [a, b] } }
";
    pass("shadow", policy, cases);
}

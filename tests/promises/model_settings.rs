//! What real servers and the gateways before them want said: parameters, headers, a proxy, and keys as editors save them.

use crate::voice::{SOON, Voice};
use harness::stub::{Reply, StubLlm, TlsStub};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

const HELLO: &[(&str, &str)] = &[("user", "hello")];

/// DETAIL and HINT of a refused setting.
fn refused(voice: &mut Voice, setting: &str, value: &str) -> (String, String) {
    let sql = format!("ALTER SYSTEM SET voice_analytics.{setting} = '{}'", value.replace('\'', "''"));
    let error = voice.client.batch_execute(&sql).expect_err(&sql);
    let error = error.as_db_error().expect("an error of the server's");
    assert_eq!(error.code().code(), "22023", "{sql}");
    (error.detail().unwrap_or_default().to_owned(), error.hint().unwrap_or_default().to_owned())
}

#[test]
fn the_url_of_an_endpoint_instead_of_the_base_is_refused_with_what_to_leave_out() {
    let mut voice = Voice::start();
    for url in [
        "https://api.openai.com/v1/chat/completions",
        "https://api.openai.com/v1/chat/completions/",
        "https://api.openai.com/v1/completions",
        "https://api.openai.com/v1/responses",
        "http://localhost:11434/api/chat",
    ] {
        let (detail, hint) = refused(&mut voice, "llm_url", url);
        assert!(detail.contains("{llm_url}/chat/completions") && hint.contains("/v1"), "{url}: {detail} {hint}");
    }
    voice.client.batch_execute("ALTER SYSTEM SET voice_analytics.llm_url = 'https://example.com/chat/v1/'").unwrap();
}

#[test]
fn an_endpoint_that_an_older_version_has_let_pass_is_named_and_nothing_is_sent_elsewhere() {
    let stub = StubLlm::start();
    let builder = harness::Cluster::builder()
        .setting("voice_analytics.analyzer", "openai")
        .setting("voice_analytics.llm_url", format!("{}/chat/completions", stub.url()));
    let mut voice = Voice::on(builder);
    voice.call(HELLO);
    let reason = voice.state("misconfigured");
    assert!(reason.contains("llm_url is the URL of an endpoint"), "{reason}");
    let kept = "SELECT setting LIKE '%/v1/chat/completions' FROM pg_settings WHERE name = 'voice_analytics.llm_url'";
    voice.until(kept);
    assert_eq!(stub.count(), 0);
}

#[test]
fn parameters_that_the_product_says_itself_are_refused() {
    let mut voice = Voice::start();
    for params in [r#"{"messages": []}"#, r#"{"model": "x"}"#, r#"{"response_format": null}"#, r#"{"stream": true}"#] {
        assert!(refused(&mut voice, "llm_params", params).0.contains("response_format"), "{params}");
    }
    for params in ["temperature=0", "[]", "1", "{", r#"{"a": 1} x"#] {
        assert_eq!(refused(&mut voice, "llm_params", params).0, "It is not a JSON object.", "{params}");
    }
    assert_eq!(refused(&mut voice, "llm_params", r#"{"top_p": 1, "top_p": 0}"#).0, "A key is there twice.");
    for proxy in
        ["proxy:3128", "https://proxy:3128", "socks5://proxy:1080", "http://proxy:3128/x", "http://me:pw@proxy"]
    {
        let (detail, hint) = refused(&mut voice, "llm_proxy", proxy);
        assert!(!detail.is_empty() && !hint.is_empty() && !detail.contains("pw"), "{proxy}");
    }
    refused(&mut voice, "llm_headers_file", "headers.txt");
}

#[test]
fn parameters_and_the_limit_of_tokens_are_in_the_next_request_after_a_reload() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    voice.call(HELLO);
    voice.drained();
    let body = stub.requests()[0].json();
    assert_eq!((body.get("temperature"), body.get("max_tokens")), (None, None));
    voice
        .cluster
        .set("voice_analytics.llm_params", r#"{"temperature": 0, "chat_template_kwargs": {"enable_thinking": false}}"#);
    voice.cluster.set("voice_analytics.llm_max_tokens", "900");
    harness::wait_until("a request with both", SOON, || {
        voice.call(HELLO);
        voice.drained();
        let body = stub.requests().last().unwrap().json();
        (body["temperature"] == 0
            && body["chat_template_kwargs"]["enable_thinking"] == false
            && body["max_tokens"] == 900)
            .then_some(())
    });
}

#[test]
fn headers_come_from_a_file_that_nobody_else_can_read_and_are_shown_nowhere() {
    const SECRET: &str = "gateway-secret-0123456789";
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let path = voice.cluster.folder().join("headers");
    let lines = format!("# the gateway's\napi-key: {SECRET}\nHTTP-Referer: https://example.com/app\n");
    voice.cluster.write_file("headers", &lines, 0o644);
    voice.cluster.set("voice_analytics.llm_headers_file", path.to_str().unwrap());
    let reason = voice.state("misconfigured");
    assert!(reason.contains("llm_headers_file") && reason.contains("chmod 0600"), "{reason}");
    voice.call(HELLO);
    assert_eq!(stub.count(), 0);

    voice.cluster.write_file("headers", &format!("{lines}api-key {SECRET}\n"), 0o600);
    voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
    voice.until("SELECT reason LIKE '%line 4%' FROM voice_status()");

    voice.cluster.write_file("headers", &lines, 0o600);
    voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
    voice.drained();
    let request = &stub.requests()[0];
    assert_eq!(request.header("api-key"), Some(SECRET));
    assert_eq!(request.header("http-referer"), Some("https://example.com/app"));
    assert_eq!(request.header("authorization"), None);

    stub.answer_always(Reply::error(500, &format!("{SECRET} is fine, we are not")));
    voice.call(HELLO);
    voice.until("SELECT count(*) > 0 FROM voice.attempt WHERE outcome = 'snoozed'");
    let shown = "SELECT string_agg(x, ' ') FROM (SELECT error FROM voice.attempt UNION ALL SELECT s::text FROM voice_status() s \
                 UNION ALL SELECT setting FROM pg_settings) s(x)";
    let shown = voice.text(shown, &[]).unwrap();
    assert!(!shown.contains(SECRET) && !voice.cluster.log().contains(SECRET), "{shown}");
}

#[test]
fn a_key_with_what_editors_and_shells_put_around_it_is_understood_or_refused_by_name() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let path = voice.cluster.folder().join("key");
    let write = |voice: &mut Voice, text: &str| {
        voice.cluster.write_file("key", text, 0o600);
        voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
    };
    write(&mut voice, "OPENAI_API_KEY=sk-canary-0123456789\n");
    voice.cluster.set("voice_analytics.llm_api_key_file", path.to_str().unwrap());
    let reason = voice.state("misconfigured");
    assert!(reason.contains("write the key alone") && !reason.contains("canary"), "{reason}");
    for (n, text) in ["\u{feff}sk-canary-0123456789\r\n", "\"sk-canary-0123456789\"\n", "Bearer sk-canary-0123456789\n"]
        .iter()
        .enumerate()
    {
        write(&mut voice, text);
        voice.call(HELLO);
        voice.drained();
        assert_eq!(stub.requests()[n].header("authorization"), Some("Bearer sk-canary-0123456789"), "{text:?}");
        write(&mut voice, "two words");
        voice.until("SELECT state = 'misconfigured' AND reason LIKE '%one word%' FROM voice_status()");
    }
}

#[test]
fn requests_go_through_the_proxy_that_is_named_and_through_none_of_the_environments() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let environments = TcpListener::bind("127.0.0.1:0").unwrap();
    environments.set_nonblocking(true).unwrap();
    let of_environment = format!("http://{}", environments.local_addr().unwrap());
    let builder = harness::Cluster::builder()
        .setting("voice_analytics.analyzer", "openai")
        .setting("voice_analytics.llm_url", "https://llm.invalid/v1")
        .setting("voice_analytics.llm_proxy", format!("http://{address}"))
        .environment("NO_PROXY", "")
        .environment("no_proxy", "");
    let variables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let mut voice = Voice::on(variables.iter().fold(builder, |b, name| b.environment(name, &of_environment)));
    voice.call(HELLO);
    let (mut client, _) = proxy.accept().unwrap();
    let mut asked = String::new();
    let mut reader = BufReader::new(client.try_clone().unwrap());
    while !asked.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut asked).unwrap() > 0, "{asked}");
    }
    assert!(asked.starts_with("CONNECT llm.invalid:443 HTTP/1.1\r\n"), "{asked}");
    client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").unwrap();
    drop(client);
    let reason = voice.state("misconfigured");
    assert!(reason.contains("llm_proxy") && reason.contains("407"), "{reason}");

    // Where none is named, requests go straight, whatever the environment says.
    let stub = StubLlm::start();
    voice.cluster.set("voice_analytics.llm_proxy", "");
    voice.cluster.set("voice_analytics.llm_url", &stub.url());
    voice.drained();
    assert_eq!(stub.count(), 1);
    let tls = TlsStub::self_signed(voice.cluster.folder());
    voice.cluster.set("voice_analytics.llm_url", &tls.url());
    voice.call(HELLO);
    harness::wait_until("a connection to the server itself", SOON, || (tls.connections() > 0).then_some(()));
    let seen = environments.accept().expect_err("nobody has come to the environment's proxy");
    assert_eq!(seen.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_key_that_was_mended_is_read_at_once_when_somebody_asks() {
    let stub = StubLlm::start();
    let builder = Voice::asking(&stub).setting("voice_analytics.sweep_interval", "0");
    let mut voice = Voice::on(builder);
    let path = voice.cluster.folder().join("key");
    voice.cluster.write_file("key", "two words", 0o600);
    voice.cluster.set("voice_analytics.llm_api_key_file", path.to_str().unwrap());
    for (key, ask) in [
        ("sk-canary-first-0123456789", "SELECT voice_resume()"),
        ("sk-canary-other-0123456789", "NOTIFY voice_analytics"),
    ] {
        voice.state("misconfigured");
        voice.call(HELLO);
        voice.cluster.write_file("key", key, 0o600);
        voice.client.batch_execute(ask).unwrap();
        voice.drained();
        assert_eq!(stub.requests().last().unwrap().header("authorization"), Some(format!("Bearer {key}").as_str()));
        voice.cluster.write_file("key", "two words", 0o600);
        voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
    }
}

"""Names of model servers, addresses, keys, and the variables that an HTTP client reads."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import openai
import pytest
from support.model_server import GOOD, Server, completion

from eureka.designers.http import proxy_of
from eureka.designers.providers import KEYS, PROVIDERS, address, is_local, is_own, key
from eureka.designers.registry import check_name
from eureka.designers.server import Server as Connection
from eureka.designers.server import server_of
from eureka.errors import UserError
from eureka.workers.process import environment


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEYS, "OPENAI_BASE_URL", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for scheme in ("http", "https", "all"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme.upper()}_PROXY", raising=False)


@pytest.mark.parametrize("kind", PROVIDERS)
def test_each_kind_has_its_address_and_its_own_key_only(kind: str, monkeypatch: pytest.MonkeyPatch):
    for name in KEYS:
        monkeypatch.setenv(name, f"key-of-{name}")
    assert address(f"{kind}:vendor/model:7b") == ("vendor/model:7b", PROVIDERS[kind].url)
    model, server = server_of(f"{kind}:m", 1.0)
    assert (model, server.key_name) == ("m", PROVIDERS[kind].key)
    assert server.key == (f"key-of-{PROVIDERS[kind].key}" if PROVIDERS[kind].key else "")
    assert not set(KEYS) & set(environment()), "no worker gets one"


@pytest.mark.parametrize("kind", [kind for kind, provider in PROVIDERS.items() if provider.key])
def test_a_missing_key_is_named(kind: str):
    with pytest.raises(UserError, match=f"{PROVIDERS[kind].key} is not set; export it"):
        server_of(f"{kind}:m", 1.0)


def test_the_variable_with_an_address_is_for_openai_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://gateway:1/v1")
    assert address("openai:m")[1] == "http://gateway:1/v1"
    assert address("anthropic:m")[1] == PROVIDERS["anthropic"].url
    monkeypatch.setenv("OPENAI_BASE_URL", "gateway:1")
    with pytest.raises(UserError, match="OPENAI_BASE_URL 'gateway:1' is not a valid URL"):
        address("openai:m")


@pytest.mark.parametrize(
    "after",
    [
        "127.0.0.1:8555",
        "localhost:11434/v1",
        "ftp://x",
        "api.example.org/v1",
        "myhost/v1",
        "[::1]:80",
        "//h/v1",
        "http//h:80",
    ],
)
def test_an_address_without_http_is_recognised(after: str):
    with pytest.raises(UserError, match=r"does not begin with http:// or https://; give openai:m@http://"):
        address(f"openai:m@{after}")


@pytest.mark.parametrize(
    "argument, meant",
    [
        ("127.0.0.1:8555", "openai:MODEL@http://127.0.0.1:8555"),
        ("localhost:8000/v1", "openai:MODEL@http://localhost:8000/v1"),
        ("m@https:/h/v1", "openai:m@https://h/v1"),
        ("m@wss://h", "openai:m@https://h"),
    ],
)
def test_what_is_an_address_is_never_a_models_name(argument: str, meant: str):
    with pytest.raises(UserError) as caught:
        address(f"openai:{argument}")
    assert str(caught.value).endswith(f"give {meant}")


def test_addresses_are_taken_in_their_plain_form():
    assert address("openai:m@HTTPS://h/v1/chat/completions/") == ("m", "https://h/v1")
    with pytest.raises(UserError, match="contains credentials or a query"):
        address("openai:m@https://h/v1#x")


@pytest.mark.parametrize("model", ["claude@20240620", "m@latest", "@cf/meta/llama", "a@1.2"])
def test_a_model_may_have_an_at(model: str):
    assert address(f"openai:{model}")[0] == model


@pytest.mark.parametrize(
    "name, meant",
    [
        ("gpt-4", "openai:gpt-4"),
        ("claude-opus-5", "anthropic:claude-opus-5"),
        ("claude:opus", "anthropic:opus"),
        ("gemini-3-flash", "gemini:gemini-3-flash"),
        ("qwen3:8b", "ollama:qwen3:8b"),
        ("meta/llama", "openrouter:meta/llama"),
        ("http://localhost:1/v1", "openai:MODEL@http://localhost:1/v1"),
        ("opena:m", "'openai' or 'openrouter'"),
    ],
)
def test_a_model_without_a_kind_of_server_is_answered_with_the_near_name(name: str, meant: str):
    with pytest.raises(UserError) as caught:
        check_name(name)
    assert f"did you mean {meant}?" in str(caught.value)


def test_local_and_own_addresses():
    for url in (
        "http://localhost:1",
        "http://127.0.0.1/v1",
        "http://127.8.0.1",
        "http://0.0.0.0:1/v1",
        "http://[::1]:1/v1",
        "http://a.localhost.",
        "http://[::ffff:127.0.0.1]",
    ):
        assert is_local(url)
    assert not is_local("http://localhost.example.org") and not is_local("http://10.0.0.1")
    assert is_own("gemini", "https://generativelanguage.googleapis.com/v2") and not is_own("openai", "http://x")


@pytest.mark.parametrize(
    "variable, value, said",
    [
        ("SSL_CERT_FILE", "/nonexistent/ca.pem", r"SSL_CERT_FILE, /nonexistent/ca.pem, cannot be read \(No such file"),
        ("SSL_CERT_FILE", __file__, "SSL_CERT_FILE, .* cannot be read"),
        ("SSL_CERT_DIR", "/nonexistent", "SSL_CERT_DIR, /nonexistent, cannot be read"),
        ("https_proxy", "foo://x", "the proxy in https_proxy cannot be used"),
        ("ALL_PROXY", "http://a:b", "the proxy in ALL_PROXY cannot be used"),
        ("OPENAI_CUSTOM_HEADERS", "x: \u00e9", "OPENAI_CUSTOM_HEADERS contains characters"),
        ("OPENAI_ORG_ID", "a\nb", "OPENAI_ORG_ID contains characters"),
    ],
)
def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str):
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserError, match=said):
        Connection("https://example.org/v1", "", 1.0).client()


def test_a_server_on_this_machine_is_reached_without_the_proxy(monkeypatch: pytest.MonkeyPatch):
    proxy, server = Server(lambda b, n: "denied"), Server(lambda b, n: completion(GOOD))
    try:
        for name in ("http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        assert Connection(server.url, "", 5.0).models() == ["large-model", "small-model"]
        assert not proxy.keys and proxy_of(server.url) is None
        assert proxy_of("http://example.org/v1") == "http_proxy" and proxy_of("https://example.org") == "all_proxy"
        with pytest.raises(UserError, match="through the proxy in http_proxy"):
            monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
            Connection("http://example.org/v1", "", 5.0).models()
    finally:
        proxy.close()
        server.close()


def test_certificates_of_ones_own_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = ssl.get_default_verify_paths().openssl_cafile
    if not Path(file).is_file():
        pytest.skip("this system has no file of certificates")
    monkeypatch.setenv("SSL_CERT_FILE", file)
    assert Connection("https://example.org/v1", "", 1.0).client()


def test_before_a_call_is_repeated_it_is_told_when():
    lines: list[str] = []
    client = Connection("http://127.0.0.1:9/v1", "", 5.0, retries=1).client(lines.append)
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="m", messages=[])
    (line,) = lines
    assert re.fullmatch(r"http://127.0.0.1:9/v1 does not respond; attempt 2 of 2 in 0\.[345] s", line)


def test_a_key_with_a_line_break_within_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GEMINI_API_KEY", "a\nb")
    with pytest.raises(UserError, match="GEMINI_API_KEY contains invalid characters"):
        key("gemini")

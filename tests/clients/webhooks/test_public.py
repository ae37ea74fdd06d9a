"""Which addresses are public: every kind that is not, and the ways to write them."""

import socket
from ipaddress import ip_network
from typing import Final

import pytest

from pipeline.clients.webhooks.endpoint_url import read_endpoint_url
from pipeline.clients.webhooks.public import is_allowed, is_metadata_name, is_public
from pipeline.domain.errors import ConfigurationError, UsageError
from pipeline.settings.outgoing_webhooks import OutgoingSettings, read_outgoing_settings

PUBLIC: Final = (
    "1.1.1.1",
    "168.63.129.17",
    "8.8.8.8",
    "93.184.216.34",
    "2606:4700:4700::1111",
    "2a00:1450::1",
)
NOT_PUBLIC: Final = {
    "unspecified": ("0.0.0.0", "0.1.2.3", "::"),  # noqa: S104
    "loopback": ("127.0.0.1", "127.255.255.254", "::1"),
    "private": ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12::1"),
    "link-local": ("169.254.1.1", "169.254.169.254", "fe80::1", "fe80::1%1"),
    "of a network card": ("2606:4700:4700::1111%1",),
    "site-local": ("fec0::1",),
    "shared": ("100.64.0.1", "100.100.100.200", "100.127.255.255"),
    "multicast": ("224.0.0.1", "239.255.255.255", "ff02::1"),
    "broadcast and reserved": ("255.255.255.255", "240.0.0.1"),
    "of protocols": ("192.0.0.1", "192.0.0.170", "192.88.99.1"),
    "benchmarks and documents": ("198.18.0.1", "192.0.2.1", "203.0.113.9", "2001:db8::1"),
    "mapped": ("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:a9fe:a9fe"),
    "compatible": ("::127.0.0.1", "::8.8.8.8"),
    "translated": ("::ffff:0:127.0.0.1",),
    "NAT64": ("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1"),
    "6to4": ("2002:7f00:1::", "2002:808:808::1"),
    "Teredo": ("2001:0:4136:e378:8000:63bf:3fff:fdd2",),
    "discard": ("100::1",),
    "not assigned": ("4000::1", "e000::1", "5f00::1"),
    "metadata": ("fd00:ec2::254", "fd20:ce::254", "168.63.129.16"),
}


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("kind", NOT_PUBLIC)
def test_other_addresses_are_not(kind: str) -> None:
    assert [each for each in NOT_PUBLIC[kind] if is_public(each)] == []


@pytest.mark.parametrize(
    "written", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "localhost", "0"]
)
def test_whatever_the_resolver_reads_as_this_machine_is_not_public(written: str) -> None:
    found = {str(each[4][0]) for each in socket.getaddrinfo(written, 443)}
    assert found
    assert [each for each in found if is_public(each)] == []


def test_a_setting_allows_networks_and_what_stands_for_their_addresses() -> None:
    allowed = [ip_network("10.1.0.0/16"), ip_network("fd12::/16")]
    assert is_allowed("10.1.2.3", allowed)
    assert is_allowed("::ffff:10.1.2.3", allowed)
    assert is_allowed("fd12::1", allowed)
    assert not is_allowed("10.2.0.1", allowed)
    assert not is_allowed("127.0.0.1", allowed)


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "100.100.100.200"),
        *("168.63.129.16", "::ffff:168.63.129.16"),
        *("::ffff:0:169.254.169.254", "::169.254.169.254", "64:ff9b::169.254.169.254"),
    ],
)
def test_no_setting_allows_a_metadata_server(address: str) -> None:
    everything = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    assert is_allowed("10.0.0.1", everything)
    assert not is_allowed(address, everything)


@pytest.mark.parametrize(
    "host", ["metadata.google.internal", "METADATA.google.internal.", "metadata", "metadata.goog"]
)
def test_metadata_names_are_known(host: str) -> None:
    assert is_metadata_name(host)
    assert not is_metadata_name("hooks.acme.example")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.acme.example/in",
        "https://hooks.acme.example:8443/in?token=1",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/x",
        "https://xn--bcher-kva.example/",
    ],
)
def test_the_address_of_a_public_endpoint_is_accepted(url: str) -> None:
    assert read_endpoint_url(url, OutgoingSettings()) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.acme.example/",
        "ftp://hooks.acme.example/",
        "https://",
        "https:///in",
        "hooks.acme.example",
        "https://user:canary@hooks.acme.example/",
        "https://hooks.acme.example/#canary",
        "https://hooks..example/",
        "https://hooks.acme.example:22/",
        "https://hooks.acme.example:99999/",
        "https://hooks.acme.example/a b",
        "https://hooks.acme.example/\r\nHost: canary",
        "https://bücher.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest",
        "https://metadata.google.internal/",
        "https://hooks.acme.example/" + "x" * 2_000,
    ],
)
def test_another_address_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(UsageError, match="invalid URL") as caught:
        read_endpoint_url(url, OutgoingSettings())
    assert "canary" not in str(caught.value)


def test_with_allowed_networks_their_addresses_are_accepted_too() -> None:
    ours = read_outgoing_settings({"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8, ::1"})
    for url in ("http://127.0.0.1:8080/in", "http://hooks.internal:81/", "https://[::1]:1/"):
        assert read_endpoint_url(url, ours) == url
    with pytest.raises(UsageError):
        read_endpoint_url("http://10.0.0.1/", ours)
    with pytest.raises(UsageError):
        read_endpoint_url("http://169.254.169.254/", ours)


@pytest.mark.parametrize("given", ["canary", "10.0.0.1/8", "10.0.0.0/33", "*"])
def test_a_network_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ConfigurationError, match="WEBHOOK_ALLOWED_NETWORKS"):
        read_outgoing_settings({"WEBHOOK_ALLOWED_NETWORKS": given})


def test_a_short_key_is_refused_and_not_quoted() -> None:
    with pytest.raises(ConfigurationError, match="WEBHOOK_KEY") as caught:
        read_outgoing_settings({"WEBHOOK_KEY": "canary"})
    assert "canary" not in str(caught.value)
    named = read_outgoing_settings({"WEBHOOK_KEY": "projects/p/secrets/s," + "k" * 32})
    assert len(named.keys) == 2
    assert "kkkk" not in repr(named)

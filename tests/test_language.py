"""The language as a whole: rows, plugins, the list of words, and that nothing raises out of the parser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface import implementer

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.grammar.inventory import OWN_HEADING, configuration_words
from tcproxy.grammar.rows import GLOBAL, PROXY, DuplicateWord, Row, Status, Where, Words
from tcproxy.grammar.suggestions import nearest
from tcproxy.interfaces import IBalancingStrategy
from tcproxy.model.process import Configuration
from tcproxy.registry import Registry
from tcproxy.rules.actions import table
from tcproxy.rules.sets import SetKind

SEED = Path(__file__).parent / "seed"
WORDS = language.words()
REGISTRY = Registry()
BUILT_IN = {
    "accept", "capture", "close", "expect-netscaler-cip", "expect-proxy", "reject", "track-sc0", "track-sc1",
    "track-sc2",
}  # fmt: skip
"""Actions that HAProxy's parser of TCP rules knows by itself, and does not list."""


def read(text: str, tmp_path: Path, **options: bool) -> tuple[Configuration | None, Diagnostics]:
    """Read a text as a file; return the configuration and what was told."""
    path = tmp_path / "t.cfg"
    path.write_text(text, encoding="utf-8")
    diagnostics = Diagnostics(1, diagnosing=True)
    configuration = language.read([str(path)], Environment(), diagnostics, registry=REGISTRY, **options)
    return configuration, diagnostics


def without_own(lines: list[str]) -> list[str]:
    """Return lines of -dK without the words of ours alone, which stand between their heading and the next one."""
    own = [False]
    for line in lines:
        own.append(line == OWN_HEADING if line.startswith("#") else own[-1])
    return [line for line, ours in zip(lines, own[1:], strict=True) if not ours]


def reference(*arguments: str) -> str:
    """Return what HAProxy prints on standard output."""
    program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    assert program
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize(
    "row", WORDS.rows, ids=lambda row: f"{row.name} ({', '.join(sorted(w.value for w in row.where))})"
)
def test_every_row_is_whole(row: Row) -> None:
    """A row of a word that is taken has a sentence of help, the section of the manual, and something that reads it."""
    assert row.name == " ".join(row.name.split())
    assert row.where
    if row.status is Status.REFUSED:
        return
    assert row.help.endswith(".")
    assert row.manual
    assert row.parse or row.field or row.arguments or row.status is Status.NO_EFFECT or row.help.startswith("Undo")


def test_two_rows_of_one_word_are_refused() -> None:
    """No room can take the word of another without notice."""
    row = Row("maxconn", GLOBAL, "Limit.")
    with pytest.raises(DuplicateWord):
        Words((row,), (Row("maxconn", GLOBAL, "Limit as well."),))
    Words((row,), (Row("maxconn", PROXY, "Limit elsewhere."),))


def test_the_nearest_word() -> None:
    """A slip of the pen is recognised, nonsense is not."""
    assert nearest("maxcon", WORDS.at(Where.GLOBAL)) == "maxconn"
    assert nearest("qqqq", WORDS.at(Where.GLOBAL)) == ""


def test_words_without_effect_say_so_under_diagnosis(tmp_path: Path) -> None:
    """With -dD, a word that tunes nothing here is told of; it is no warning."""
    configuration, diagnostics = read("global\n    tune.idletimer 1s\n    noepoll\n", tmp_path)
    assert configuration is not None
    told = [item.message for item in diagnostics.items if item.level == "diag"]
    assert len(told) == 2
    assert "'noepoll' has no effect" in told[1]
    assert diagnostics.warnings == 0


def test_unresolved_names_are_allowed_when_asked_for(tmp_path: Path) -> None:
    """-dr starts without the address of a server."""
    text = "backend b\n    server s no.such.host.invalid:80\n"
    assert read(text, tmp_path)[0] is None
    configuration, _ = read(text, tmp_path, unresolved_allowed=True)
    assert configuration is not None
    assert configuration.proxies[0].servers[0].resolved == ""


def test_a_file_that_is_not_there() -> None:
    """A path that does not exist is an alert and no configuration."""
    diagnostics = Diagnostics(1)
    assert language.read(["/no/such/file.cfg"], Environment(), diagnostics) is None
    assert diagnostics.alerts


def test_http_words_are_left_out_of_tcp_mode(tmp_path: Path) -> None:
    """What only HTTP mode knows is taken with a warning in TCP mode, and changes nothing there."""
    text = (
        "defaults\n    option httplog\n    option http-ignore-probes\n    log 127.0.0.1 local0\n"
        "frontend f\n    bind :8000\n    default_backend b\n"
        "backend b\n    server s 127.0.0.1:80\n"
    )
    configuration, diagnostics = read(text, tmp_path)
    assert configuration is not None
    assert configuration.proxies[0].options == {"tcplog"}
    told = [item.message for item in diagnostics.items if "needs 'mode http'" in item.message]
    assert len(told) == 2


def test_starting_loads_nothing_heavy(tmp_path: Path) -> None:
    """Reading a small file imports neither Twisted nor what slows a start down."""
    path = tmp_path / "t.cfg"
    path.write_text("listen l\n    bind 127.0.0.1:8000\n    server s 127.0.0.1:80\n", encoding="utf-8")
    program = (
        "import sys\nfrom tcproxy import language\nfrom tcproxy.grammar.diagnostics import Diagnostics\n"
        "from tcproxy.grammar.environment import Environment\n"
        f"assert language.read([{str(path)!r}], Environment(), Diagnostics(1))\n"
        "heavy = ('twisted', 'OpenSSL', 'ssl', 'asyncio', 'importlib.metadata')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


# the list of words


def test_the_classes_of_words_are_listed() -> None:
    """-dKhelp names the classes, one a line."""
    lines = language.dump_keywords(["help"]).splitlines()
    assert lines[0] == "# List of supported keyword classes:"
    assert [line.split(":")[0] for line in lines[1:]] == ["all", *language.KEYWORD_CLASSES]
    assert language.dump_keywords(["nonsense"]) == ""


@pytest.mark.reference
def test_the_list_has_the_form_of_the_reference(tmp_path: Path) -> None:
    """Each word that we list stands in HAProxy's list in the same form; its headings are ours too."""
    path = tmp_path / "t.cfg"
    path.write_text("listen l\n    bind 127.0.0.1:8000\n", encoding="utf-8")
    theirs = reference("-dKcfg", "-c", "-q", "-f", str(path)).splitlines()
    ours = language.dump_keywords(["cfg"]).split(OWN_HEADING)[0].splitlines()
    assert [line for line in ours if line not in theirs] == []
    assert [line for line in theirs if not line.startswith("\t") and line not in ours] == []


def test_a_word_of_our_own_has_its_place() -> None:
    """A word that HAProxy does not have is listed at the end, under a heading of its own, and nowhere else."""
    row = Row("trace-all", PROXY, "Trace.", field="trace", own=True)
    before, _, own = "\n".join(configuration_words(Words((*WORDS.rows, row)))).partition(OWN_HEADING)
    assert before.splitlines() == configuration_words(WORDS)
    assert own.splitlines()[1:] == [f"\t{where} trace-all" for where in ("backend", "defaults", "frontend", "listen")]


@pytest.mark.reference
def test_all_classes_have_the_form_of_the_reference(tmp_path: Path) -> None:
    """-dKall lists every class in HAProxy's order, and what it lists is there too, but for what is ours alone."""
    path = tmp_path / "t.cfg"
    path.write_text("listen l\n    bind 127.0.0.1:8000\n", encoding="utf-8")
    theirs = reference("-dKall", "-c", "-q", "-f", str(path)).splitlines()
    ours = language.dump_keywords(["all"]).splitlines()
    ours = without_own(ours)
    headings = [line for line in ours if line.startswith("# List")]
    assert headings == [line for line in theirs if line.startswith("# List")]
    assert [line for line in ours if line not in theirs] == []


@pytest.mark.reference
def test_every_word_of_the_reference_is_known(tmp_path: Path) -> None:
    """Each word of HAProxy's list has a row here: taken, or refused by name."""
    path = tmp_path / "t.cfg"
    path.write_text("listen l\n    bind 127.0.0.1:8000\n", encoding="utf-8")
    unknown = []
    section = ""
    for line in reference("-dKcfg", "-c", "-q", "-f", str(path)).splitlines():
        if not line.startswith("\t"):
            section = line
        elif section in ("global", "listen") and not is_known(section, line.split()):
            unknown.append(line.strip())
    assert unknown == []


@pytest.mark.reference
def test_every_action_of_the_reference_is_known(tmp_path: Path) -> None:
    """Each action of HAProxy's list is ours, listed in its order, or refused by name; all others are built-in."""
    path = tmp_path / "t.cfg"
    path.write_text("listen l\n    bind 127.0.0.1:8000\n", encoding="utf-8")
    heads = tuple(f"\t{kind.words} " for kind in SetKind)
    theirs = [line for line in reference("-dKcfg", "-c", "-q", "-f", str(path)).splitlines() if line.startswith(heads)]
    ours = list(table.listing())
    assert ours == [line for line in theirs if line in ours]
    named = {line.strip().rstrip("*") for line in theirs}
    known = {f"{kind.words} {name}" for kind in SetKind for name in (*table.ACTIONS[kind], *table.missing(kind))}
    numbered = {name for name in known if name[:-1] in named and name[-1] in "012" and "track-sc" in name}
    assert {name for name in named - known if not name.endswith("track-sc")} == set()
    assert {name.rsplit(" ", 1)[1] for name in known - named - numbered} == BUILT_IN


def is_known(section: str, words: list[str]) -> bool:
    """Return whether a line of HAProxy's list has a row."""
    if words[0] in ("bind", "server"):
        name = next(
            word for word in words[1:] if not word.startswith(("<", "+")) and (word != "ssl" or word == words[-1])
        )
        return name in WORDS.at(Where(words[0]))
    where = [Where.GLOBAL] if section == "global" else [Where.LISTEN, Where.DEFAULTS, Where.FRONTEND, Where.BACKEND]
    return any(WORDS.find(one, tuple(words)) or WORDS.group(one, words[0]) for one in where)


# plugins


@implementer(IBalancingStrategy)
class Pretender:
    """A strategy with the name of another."""

    name = "roundrobin"
    manual = "nothing"

    def parse(self, words: object) -> None:
        """Take anything."""

    def picker(self, servers: object, hashing: object, options: object) -> None:
        """Give nothing."""


def test_plugins_are_found_by_name() -> None:
    """Ours are there, with their sources; an unknown name is None."""
    registry = Registry()
    assert registry.strategies["roundrobin"].name == "roundrobin"
    assert registry.strategies.get("no-such-strategy") is None
    assert {"roundrobin", "static-rr", "leastconn", "first", "source", "random"} <= set(registry.strategies)
    assert all(plugin.source for plugin in registry.all())
    assert registry.troubles == []


def test_a_taken_name_is_told() -> None:
    """The plugin that came first keeps its name, and the other one is not lost silently."""
    registry = Registry()
    first = registry.strategies["roundrobin"]
    registry.offer(Pretender(), "elsewhere")
    assert registry.strategies["roundrobin"] is first
    assert "'roundrobin' is taken" in registry.troubles[0]


def test_a_plugin_folder_on_the_path(tmp_path: Path) -> None:
    """A file in a tcproxy/plugins folder adds a strategy; one that fails is told and harms nobody."""
    folder = tmp_path / "tcproxy" / "plugins"
    folder.mkdir(parents=True)
    source = Path(__file__).read_text(encoding="utf-8")
    body = source[source.index("@implementer(") : source.index("def test_plugins_are")].replace(
        '"roundrobin"', '"third"'
    )
    imports = "from zope.interface import implementer\nfrom tcproxy.interfaces import IBalancingStrategy\n"
    (folder / "third.py").write_text(f"{imports}{body}\nplugin = Pretender()\n", encoding="utf-8")
    (folder / "broken.py").write_text("import no_such_module_anywhere\n", encoding="utf-8")
    config = tmp_path / "t.cfg"
    config.write_text("backend b\n    balance third\n    server s 127.0.0.1:80\n", encoding="utf-8")
    program = (
        "from tcproxy import language\nfrom tcproxy.grammar.diagnostics import Diagnostics\n"
        "from tcproxy.grammar.environment import Environment\n"
        "d = Diagnostics(1)\n"
        f"c = language.read([{str(config)!r}], Environment(), d)\n"
        "print(c.proxies[0].balance.name, type(c.proxies[0].balance.strategy.plugin).__name__)\n"
        "print([i.message.split(':')[0] for i in d.items if 'plugin' in i.message])"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(language.__file__).parent.parent), str(tmp_path)]),
    }
    done = subprocess.run(
        [sys.executable, "-B", "-c", program], capture_output=True, text=True, timeout=60, env=environment, cwd=tmp_path
    )
    broken = f"the plugin file {folder / 'broken.py'} cannot be loaded"
    assert done.stdout.splitlines() == ["third Pretender", str([broken])], done.stderr


@pytest.mark.parametrize("balance", ["uri", "url_param id", "hdr(host)"])
def test_hashes_of_requests_need_http(tmp_path: Path, balance: str) -> None:
    """In TCP mode roundrobin takes the place of a strategy that looks at requests, and a warning tells it."""
    path = tmp_path / "cfg"
    path.write_text(f"backend b\n balance {balance}\n server s 127.0.0.1:1\n")
    diagnostics = Diagnostics(1)
    configuration = language.read([str(path)], Environment(), diagnostics)
    assert configuration is not None and configuration.proxies[0].balance.name == "roundrobin"
    assert any("needs 'mode http'" in item.message for item in diagnostics.items)


def test_a_checker_is_chosen_by_an_option(tmp_path: Path) -> None:
    """`option NAME` takes the health checker of that name, and its own sentence about wrong words."""
    configuration, _ = read("backend b\n    option tcp\n    server s 127.0.0.1:80 check\n", tmp_path)
    assert configuration is not None
    assert configuration.proxies[0].checker is REGISTRY.checkers["tcp"]
    configuration, diagnostics = read("backend b\n    option tcp now\n", tmp_path)
    assert configuration is None
    assert "'option tcp' : " in diagnostics.items[0].message


# word soup

SOUP = sorted(
    {word for row in WORDS.rows for word in row.name.split()}
    | {"no", "default", "if", "unless", "from", "{", "}", "!", "or", "127.0.0.1:80", ":80", "*:1-3", "/tmp/x", "fd@1"}
    | {
        "10s",
        "-1",
        "0",
        "99999999999999999999",
        "1k",
        "on",
        "off",
        "x",
        "",
        "\u00e9",
        "%[",
        "%ci",
        "(",
        ")",
        "a/b",
        "1-3",
    }
)
SECTION_HEADS = [
    "global",
    "defaults",
    "frontend f",
    "backend b",
    "listen l",
    "defaults d from d",
    "peers p",
    "listen l from d",
]

soup_line = st.lists(st.sampled_from(SOUP), min_size=1, max_size=7).map(" ".join)
any_line = st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]), max_size=40)
soup = st.lists(
    st.one_of(st.sampled_from(SECTION_HEADS), soup_line.map(lambda line: f"    {line}"), any_line), max_size=25
)


@settings(max_examples=300, deadline=None)
@given(soup)
def test_no_words_raise(lines: list[str]) -> None:
    """Whatever words stand wherever: the answer is a configuration or diagnostics, and never an exception."""
    diagnostics = Diagnostics(1, diagnosing=True)
    environment = Environment()
    reading = language.new_reading(environment, diagnostics, REGISTRY)
    content = "".join(line + "\n" for line in ["listen first", *lines]).encode("utf-8", "surrogateescape")
    assert language.read_bytes("soup.cfg", content, reading) is not None or diagnostics.alerts


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(WORDS.rows), st.lists(st.sampled_from(SOUP), max_size=4))
def test_no_row_raises(row: Row, rest: list[str]) -> None:
    """Each row by itself, in a place where it may stand, bears any words behind it."""
    heads = {Where.BIND: "listen l\n    bind 127.0.0.1:80", Where.SERVER: "listen l\n    server s 127.0.0.1:80"}
    where = sorted(row.where, key=lambda one: one.value)[0]
    head = heads.get(where, f"{where.value} x\n   " if where is not Where.GLOBAL else "global\n   ")
    diagnostics = Diagnostics(1)
    reading = language.new_reading(Environment(), diagnostics, REGISTRY)
    content = f"{head} {row.name} {' '.join(rest)}\n".encode("utf-8", "surrogateescape")
    assert language.read_bytes("row.cfg", content, reading) is not None or diagnostics.alerts


def test_the_configurations_of_the_users() -> None:
    """The users' files are taken as they are, but for names and files that this machine does not have."""
    variables = dict(line.split("=", 1) for line in (SEED / "003-site1.env").read_text().split())
    told = {}
    for path in sorted(SEED.glob("*.cfg")):
        diagnostics = Diagnostics(1)
        reading = language.new_reading(Environment(variables), diagnostics, REGISTRY)
        language.read_bytes(path.name, path.read_bytes(), reading)
        of_lines = takewhile(lambda item: not item.message.startswith("Error(s) found"), diagnostics.items)
        alerts = [item.message for item in of_lines if item.level == "alert" and " [" in f" {item.message}"]
        told[path.name] = [message for message in alerts if "user" not in message and "group" not in message]
    assert not [message for message in told["000-tcp.cfg"] if "mode http" in message]
    for name in ("003-http-and-stats.cfg", "003-site.cfg"):
        known = ("IP_OF_MACHINE", "pattern file")
        assert all(any(part in one for part in known) for one in told[name]), told[name]


# all faults in one run


def faults(text: str, tmp_path: Path) -> list[tuple[str, int]]:
    """Return the errors of a text: sentence without its place, and the word that the caret stands under."""
    _, diagnostics = read(text, tmp_path)
    alerts = [item for item in diagnostics.items if item.level == "alert"]
    own = [one for one in alerts if not one.message.startswith(("Error(s) found", "Fatal errors"))]
    return [(one.message.partition("] : ")[2] or one.message, one.word) for one in own]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("server s 127.0.0.1:1 wieght 3 chek inter x", [3, 5, 7]),
        ("server s 127.0.0.1:x weight x", [2, 4]),
        ("server s 127.0.0.1:1 inter port 80 rise x", [4, 7]),
        ("server s 127.0.0.1:1 ssl verify none crt x", [3, 4, 6]),
        ("bind 1.2.3.4.5:80 levl admin foo", [1, 2, 4]),
        ("balance uri lenn 3", [2]),
        ("mode tpc", [1]),
        ("log 127.0.0.1 locl0 inf", [2, 3]),
        ("retry-on conn-fail 5033", [1, 2]),
        ("cookie C insrt indirct", [2, 3]),
        ("redirect locatin /x kode 3", [1, 3]),
    ],
)
def test_all_faults_of_a_line(line: str, words: list[int], tmp_path: Path) -> None:
    """Each refused word of a line is told, with the caret under it."""
    found = [word for _, word in faults(f"listen l\n    {line}\n", tmp_path)]
    assert found == words


@pytest.mark.parametrize(
    "text",
    [
        "listen l\n    acl a sc0_conn_cnt 1\n    use_backend l2 if a\n    use_backend l2 if !a\nbackend l2\n",
        "frontend f\n    bind :1\n    default_backend b\nbackend b from nowhere\n",
        "backend b\n    server s 127.0.0.1:1 foo\n    server t :1 track s\n    server u :1 track b/s\n",
        "frontend f\n    mode htp\n    default_backend b\nbackend b\n    mode tcp\n    server s 127.0.0.1:1 check\n",
        "backend b\n    errorfiles e\nhttp-errors e\n    errorfile 503 /no/such/file\n",
        "listen l\n    server s 127.0.0.1:1 foo\n    use_backend m if { srv_is_up(l/s) }\nbackend m\n",
    ],
)
def test_a_refused_line_draws_no_others_after_it(text: str, tmp_path: Path) -> None:
    """What a refused line would have declared is not told to be missing elsewhere."""
    assert len(faults(text, tmp_path)) == 1, faults(text, tmp_path)


def test_errors_of_the_whole_come_in_the_same_run(tmp_path: Path) -> None:
    """A backend that does not exist is told beside a line that is wrong; warnings about the whole are not."""
    found = [sentence for sentence, _ in faults("frontend f\n    foo\n    default_backend nope\n", tmp_path)]
    assert found == [
        "unknown keyword 'foo' in 'frontend' section",
        "frontend 'f' : there is no backend 'nope' for 'default_backend'",
    ]
    _, diagnostics = read("frontend f\n    foo\n    default_backend nope\n", tmp_path)
    assert diagnostics.warnings == 0


def test_kept_words_are_told_under_diagnosis(tmp_path: Path) -> None:
    """With -dD, a word that is kept for a later part is told of, with its place; without, nothing is said."""
    text = "global\n    ssl-dh-param-file /x\nbackend b\n    server s 127.0.0.1:1 non-stick\n"
    _, diagnostics = read(text, tmp_path)
    told = [(item.message.partition("] : ")[2], item.word) for item in diagnostics.items if item.level == "diag"]
    kept = "is kept without effect: a later part of tcproxy will use it"
    assert told == [(f"'ssl-dh-param-file' {kept}", 0), (f"'non-stick' {kept}", 3)]


@pytest.mark.parametrize("name", ["http-request lua.x", "acl a lua.x", "acl a src,lua.x"])
def test_words_of_lua_are_not_supported(name: str, tmp_path: Path) -> None:
    """Actions, fetches and converters of Lua scripts are refused by name, and not as unknown."""
    ((sentence, _),) = faults(f"listen l\n    {name}\n", tmp_path)
    assert "lua.x' is known to HAProxy 2.6, not supported by tcproxy yet" in sentence


def test_all_faults_of_a_rule_are_told(tmp_path: Path) -> None:
    """An action that is refused hides no fault of its condition, and a pattern none of those behind it."""
    deny = "listen l\n    http-request deny status 999 if { nothing } x\n"
    assert [word for _, word in faults(deny, tmp_path)] == [3, 6]
    assert [word for _, word in faults("listen l\n    http-request deny foo if { nothing }\n", tmp_path)] == [2, 5]
    assert [word for _, word in faults("listen l\n    acl a src 1.2.3.4.5 10.0.0.1 10.0.0.0/99\n", tmp_path)] == [3, 5]
    send = "listen l\n    http-check send foo x uri-lf y uri /a hdr b\n"
    assert [word for _, word in faults(send, tmp_path)] == [2, 4, 8]
    (tmp_path / "list").write_text("a b\nc d\n")
    assert [word for _, word in faults(f"listen l\n    acl a src -f {tmp_path}/list 1/99\n", tmp_path)] == [4, 5]


def test_lines_of_a_refused_section_are_told_as_its_own(tmp_path: Path) -> None:
    """The old form `listen NAME ADDRESS` is refused at each head, and other faults name the section they stand in."""
    text = "defaults\nlisten a :80\n    bind :81 nonsense\nlisten b :82\n    server s 127.0.0.1:x\n"
    told = [sentence for sentence, _ in faults(text, tmp_path)]
    assert ["belong on 'bind' lines" in sentence for sentence in told] == [True, False, True, False]
    assert "in section 'listen'" in told[1]
    assert "'server b/s'" in told[3]


def test_the_load_time_is_linear(tmp_path: Path) -> None:
    """Ten times the backends cost about ten times the calls: whether a name is taken is not searched for."""
    costs = []
    for count in (100, 1000):
        text = "".join(f"backend b{n}\n    server s 127.0.0.1:1\n" for n in range(count))
        (tmp_path / "t.cfg").write_text(text)
        calls = 0

        def count_call(frame: object, event: str, argument: object) -> None:
            nonlocal calls
            calls += 1

        sys.setprofile(count_call)
        try:
            language.read([str(tmp_path / "t.cfg")], Environment(), Diagnostics(1), registry=REGISTRY)
        finally:
            sys.setprofile(None)
        costs.append(calls)
    assert costs[1] < 11 * costs[0]

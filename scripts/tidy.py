#!/usr/bin/env python3
"""Finds what a search can find: breaches of determinism, of the layers, and of the house style.

    scripts/tidy.py            checks the repository; one line a finding, exit 1 if there is any
    scripts/tidy.py FILE...    checks these files alone

A line that must break a rule says so and why:   double x;  // tidy: float, the format demands it
Every rule carries lines that it must find and lines that it must let pass; they are tried before each run.
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAYERS = ("sim", "protocols", "scenarios", "analysis")
BELOW_ANALYSIS = LAYERS[:3]
CODE = (".cpp", ".hpp")
TEXT = CODE + (".py", ".sh", ".lua", ".yaml", ".yml", ".cmake", ".txt", ".json", ".md", "")
LINE_LENGTH_MAX = 120


class Rule:
    """A pattern that must not occur in code (comments and the insides of strings are blanked) of some folders."""

    def __init__(self, name, why, pattern, folders, bad, good, allowed=()):
        self.name, self.why, self.pattern = name, why, re.compile(pattern)
        self.folders, self.bad, self.good, self.allowed = folders, bad, good, allowed

    def applies(self, path):
        return path.startswith(tuple(f + "/" for f in self.folders)) and not path.startswith(tuple(self.allowed))


RULES = [
    Rule("random", "libraries differ in their distributions, and we seed nobody else's generator: sim::Stream",
         r"#\s*include\s*<random>|\bstd::(mt19937|minstd|random_device|\w+_distribution|shuffle\b)|"
         r"\b(s?rand|random|drand48|arc4random|getrandom|randombytes\w*)\s*\(|"
         r"\bcrypto_(\w+_keygen|sign_keypair|box_keypair)\s*\(",
         BELOW_ANALYSIS,
         bad=["#include <random>", "std::mt19937_64 g;", "int x = rand();", "randombytes_buf(p, 3);",
              "std::shuffle(a, b, g);", "crypto_sign_keypair(a, b);"],
         good=["stream.shuffle(span);", "int brand(int);", "crypto_sign_seed_keypair(a, b, seed);", "random_range(3)"]),
    Rule("clock", "only the kernel advances time; the real clock measures what users wait for",
         r"\b(steady|system|high_resolution)_clock\b|\btime\s*\(\s*(nullptr|NULL|0|&)|"
         r"\b(clock_gettime|gettimeofday|clock|std::time|localtime|gmtime)\s*\(",
         # Boost.Fiber demands a function that takes such a time; it is empty.
         LAYERS, allowed=("analysis/cli/", "analysis/search/campaign.cpp", "analysis/search/exploration.cpp",
                        "sim/kernel/fiber_host.cpp"),
         bad=["auto t = std::chrono::steady_clock::now();", "clock_gettime(CLOCK_MONOTONIC, &t);", "time(nullptr)"],
         good=["struct SimClock {", "local_clock(3)", "run_time(0)", "Duration time(5)"]),
    Rule("float", "rounding depends on compiler and processor; below analysis integers only",
         r"\b(float|double)\b",
         BELOW_ANALYSIS,
         bad=["double x = 0;", "static_cast<float>(y)"],
         good=["VoteKind::double_vote", "lua_Number n = lua_tonumber(state, 1);"]),
    Rule("static", "worlds share a process: no state outside of them; constants are fine",
         r"^\s*(inline\s+)?(static|thread_local)\s+(?!const\b|constexpr\b|inline const)[^(;={]*[;={]|"
         r"^(inline\s+)?(?!(static|thread_local|const|constexpr|inline|using|typedef|return|namespace|extern|template|"
         r"class|struct|union|enum|static_assert|friend|concept|case|default|__extension__)\b)"
         r"[A-Za-z_][\w:<>,\s*&]*[\w>*&]\s+\w+\s*(=[^=].*|\{.*\})?;\s*$",
         # The stacks of this thread, of which no world can tell (see there); the flag that an interrupt sets.
         LAYERS, allowed=("sim/kernel/fiber_host.cpp", "analysis/cli/progress.cpp"),
         bad=["static int count = 0;", "  static std::map<int, int> cache;", "thread_local Arena arena;",
              "int total = 0;", "std::vector<int> seen;"],
         good=["static constexpr int x = 3;", "  static const std::vector<Entry> list = {",
               "  static QuantileTable normal(int a);", "constexpr int x = 3;",
               "inline constexpr Duration d{};", "  int local = 0;", "using A = B;", "void f(int a);", "class F;",
               "  static bool less(const A& a, const B& b) { return a < b; }", "static_assert(sizeof(A) == 3);"]),
    Rule("pointer_key", "addresses differ from run to run: key by id",
         r"\b(unordered_)?(multi)?(map|set)<\s*(const\s+)?[\w:]+(<[^<>]*>)?\s*(const\s*)?\*|"
         r"\bstd::(hash|less|greater)<[^<>]*\*\s*>|\buintptr_t\b|\bfmt::ptr\b",
         # The pool aligns its memory; the bindings mark verdicts with addresses that are only compared.
         BELOW_ANALYSIS, allowed=("sim/net/message.cpp", "scenarios/hooks/lua_bindings.cpp"),
         bad=["std::map<Node*, int> m;", "std::set<const Message*> s;", "std::unordered_map<std::vector<int>*, A> m;",
              "reinterpret_cast<std::uintptr_t>(p)"],
         good=["std::map<int, Node*> m;", "std::vector<Node*> v;"]),
    Rule("thread", "who runs a world must not show in it",
         r"\b(this_thread|this_fiber)::get_id\b|\b(thread|fiber)::id\b|\b(pthread_self|gettid|getpid)\s*\(|"
         r"\bstd::(async|jthread)\b|\bhardware_concurrency\b",
         BELOW_ANALYSIS,
         bad=["auto id = std::this_thread::get_id();", "getpid()"],
         good=["node.id()", "target_pid(3)"]),
    Rule("fiber_wait", "Boost.Fiber's waits read the real clock or cost five times ours: sim::Process",
         r"\bthis_fiber::sleep_(for|until)\b|"
         r"\bfibers::((un)?buffered_channel|condition_variable\w*|mutex|future|promise)\b",
         LAYERS,
         bad=["boost::this_fiber::sleep_for(3ms);", "boost::fibers::buffered_channel<int> c;"],
         good=["process.sleep(3ms);", "boost::fibers::context* c;"]),
    Rule("environment", "a world reads no environment, locale or file",
         r"\b(getenv|secure_getenv|setlocale)\s*\(|\bstd::locale\b|\bstd::(if|of|f)stream\b|\bfopen\s*\(",
         ("sim", "protocols"), allowed=("sim/net/latency/",),
         bad=["getenv(name)", "std::ifstream file;"],
         good=["std::ostringstream out;"]),
    Rule("exit", "only main ends the process; std::exit on a fiber spins for ever",
         r"(?<![.>\w])(std::)?(exit|abort|terminate|quick_exit)\s*\(|\bassert\s*\(|"
         r"#\s*include\s*<(cassert|assert\.h)>",
         # After lua_error, which does not return, but is not declared so.
         LAYERS, allowed=("analysis/cli/", "scenarios/hooks/lua_state.cpp"),
         bad=["std::exit(3);", "assert(x);", "abort();"],
         good=["SEQLAB_ASSERT(x);", "static_assert(x);", "on_exit_(3)", "process.terminate()"]),
    Rule("catch2", "Catch2 2 or 3 is chosen in one file",
         r"#\s*include\s*[<\"]catch2/",
         ("tests",), allowed=("tests/support/catch.hpp",),
         bad=["#include <catch2/catch.hpp>"],
         good=['#include "tests/support/catch.hpp"']),
]

# Which part may include what: (pattern of the included name, folders that may, name of the rule's reason).
FOREIGN = [
    (r"yaml-cpp/", ("scenarios/spec/",)),
    (r"lua|lauxlib", ("scenarios/hooks/",)),
    (r"CLI/", ("analysis/cli/",)),
    (r"Eigen/", ("analysis/",)),
    (r"sqlite3\.h|zlib\.h|nlohmann/", ("analysis/",)),
    (r"sodium", ("protocols/crypto/",)),
    (r"boost/(fiber|context)", ("sim/kernel/",)),
    (r"benchmark/", ("tests/bench/",)),
]

# Split, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")


def blank_out(text):
    """The code with comments and the insides of literals as spaces; lines stay where they are."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'
                         r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.DOTALL)

    def blanks(match):
        found = match.group(0)
        inside = re.sub(r"[^\n]", " ", found[1:-1])
        return found[0] + inside + found[-1] if found[0] in "\"'" else re.sub(r"[^\n]", " ", found)

    kept = []
    # An #include keeps its name.
    for line in re.sub(pattern, blanks, text).split("\n"):
        kept.append(line)
    for number, line in enumerate(text.split("\n")):
        if re.match(r"\s*#\s*include", line):
            kept[number] = line.split("//")[0]
    return kept


def unordered_names(lines):
    """Variables declared as unordered containers."""
    names = set()
    for line in lines:
        for match in re.finditer(r"\bunordered_(?:multi)?(?:map|set)<", line):
            depth, at = 1, match.end()
            while at < len(line) and depth:
                depth += {"<": 1, ">": -1}.get(line[at], 0)
                at += 1
            declared = re.match(r"\s*&?\s*(\w+)\s*(?:[;={(,)]|$)", line[at:])
            if declared:
                names.add(declared.group(1))
    return names


def walks(line, names):
    """The name of an unordered container that this line iterates over, or nothing."""
    of_range = r"\bfor\s*\([^;]*[^:]:\s*(?:\w+(?:\.|->))*(\w+)\s*\)"
    for match in re.finditer(of_range + r"|\b(\w+)(?:\.|->)c?r?begin\s*\(", line):
        name = match.group(1) or match.group(2)
        if name in names:
            return name
    return None


def excused(raw, rule):
    return re.search(r"tidy:\s*" + rule + r"\b.*\w", raw) is not None


def layer_of(path):
    return path.split("/", 1)[0]


def check_code(path, text, siblings, report):
    raw = text.split("\n")
    code = blank_out(text)
    if path.endswith(".hpp") and "#pragma once" not in text:
        report(1, "pragma_once", "a header begins with its comment and #pragma once")

    for number, line in enumerate(code, 1):
        for rule in RULES:
            if rule.applies(path) and rule.pattern.search(line) and not excused(raw[number - 1], rule.name):
                report(number, rule.name, rule.why)

    if layer_of(path) in BELOW_ANALYSIS:
        names = unordered_names(code)
        for sibling in siblings:
            names |= unordered_names(blank_out(sibling))
        for number, line in enumerate(code, 1):
            name = walks(line, names)
            if name and not excused(raw[number - 1], "unordered"):
                report(number, "unordered", f"`{name}` has no order: hash maps answer look-ups, nobody walks them")

    for number, line in enumerate(code, 1):
        included = re.match(r"\s*#\s*include\s*[<\"]([^>\"]+)[>\"]", line)
        if not included:
            continue
        name = included.group(1)
        own = layer_of(path)
        if own in LAYERS and layer_of(name) in LAYERS and LAYERS.index(layer_of(name)) > LAYERS.index(own):
            report(number, "layers", f"{own} does not know {layer_of(name)}: sim <- protocols <- scenarios <- analysis")
        if own in LAYERS and name.startswith("tests/"):
            report(number, "layers", "the program does not know its tests")
        for pattern, homes in FOREIGN:
            if re.match(pattern, name) and not path.startswith(homes) and not path.startswith("tests/") \
                    and not excused(raw[number - 1], "foreign"):
                report(number, "foreign", f"<{name}> stays in {', '.join(homes)}")


def check_text(path, text, report):
    lines = text.split("\n")
    if text and lines[-1] != "":
        report(len(lines), "newline", "the last line is not ended")
    prose = path.endswith((".md", ".json")) or path.startswith(("tests/fuzz/", "tests/data/", "tests/golden/")) \
        or (path.startswith("tests/") and path.endswith(".txt"))  # expected output, as the program writes it
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_LENGTH_MAX and not prose and "http" not in line:
            report(number, "length", f"{len(line)} columns, at most {LINE_LENGTH_MAX}")
        if line != line.rstrip() and not path.startswith(("tests/fuzz/", "tests/data/")):
            report(number, "blanks", "blanks at the end of the line")
        if "\t" in line and path.endswith(CODE):
            report(number, "tab", "a tab")
        if UNFINISHED.search(line):
            report(number, "unfinished", "finish it, or name it in the list of what is not there yet")


def check_rules():
    for rule in RULES:
        for line in rule.bad:
            assert rule.pattern.search(blank_out(line)[0]), f"rule {rule.name} does not find: {line}"
        for line in rule.good:
            assert not rule.pattern.search(blank_out(line)[0]), f"rule {rule.name} finds: {line}"
    names = unordered_names(["std::unordered_map<int, std::vector<A>> seen_;",
                             "void f(const std::unordered_set<A>& all) {"])
    assert names == {"seen_", "all"}, names
    assert walks("for (const auto& [k, v] : seen_) {", names) and walks("auto it = all.begin();", names)
    assert walks("for (const auto& x : state_->seen_) {", names)
    assert not walks("for (const auto& x : sorted_) {", names) and not walks("seen_.find(3)", names)
    assert blank_out('f("rand()"); // rand()\nint a;') == ['f("      ");          ', "int a;"]
    assert blank_out("x = 1'000'000; c = 'a';") == ["x = 1'000'000; c = ' ';"]


def repository_files():
    skipped = {".git", "node_modules"}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if f not in skipped and not f.startswith("build")
                            and not (folder == ROOT and f in ("seqlab-runs", ".cache")))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            if os.path.splitext(name)[1] in TEXT:
                yield path


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="strict") as file:
        return file.read()


def main(arguments):
    check_rules()
    findings = 0
    count = 0
    for path in [os.path.relpath(os.path.abspath(a), ROOT) for a in arguments] or repository_files():
        try:
            text = read(path)
        except UnicodeDecodeError:
            if path.endswith(CODE):
                print(f"{path}:1: utf8: not UTF-8")
                findings += 1
            continue
        count += 1

        def report(line, rule, why):
            nonlocal findings
            findings += 1
            print(f"{path}:{line}: {rule}: {why}")

        check_text(path, text, report)
        if path.endswith(CODE):
            header = os.path.splitext(path)[0] + ".hpp"
            siblings = [read(header)] if path.endswith(".cpp") and os.path.exists(os.path.join(ROOT, header)) else []
            check_code(path, text, siblings, report)
    print(f"{count} files, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

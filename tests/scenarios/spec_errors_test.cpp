// Bad scenarios and exactly what is said about them. The cases are in spec_errors.txt: a name, overrides, the scenario,
// and behind `~~~` the messages. SEQLAB_REWRITE_GOLDEN=1 rewrites the messages; review the difference.
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "scenarios/spec/parse.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab::scenarios;

namespace {

const std::string golden = std::string{SEQLAB_SOURCE_DIR} + "/tests/scenarios/spec_errors.txt";
const Library library{std::string{SEQLAB_SOURCE_DIR} + "/scenarios"};

struct Case {
  std::string name;
  std::vector<std::string> flags;  // path=value
  std::string text;
  std::string expected;
};

std::vector<Case> read_cases() {
  std::vector<Case> cases;
  std::ifstream in(golden);
  bool messages = false;
  for (std::string line; std::getline(in, line);) {
    if (line.compare(0, 4, "=== ") == 0) {
      cases.push_back({line.substr(4), {}, {}, {}});
      messages = false;
    } else if (cases.empty()) {
      continue;
    } else if (line == "~~~") {
      messages = true;
    } else if (messages) {
      if (!line.empty()) cases.back().expected += line + "\n";
    } else if (line.compare(0, 6, "--set ") == 0) {
      cases.back().flags.push_back(line.substr(6));
    } else {
      cases.back().text += line + "\n";
    }
  }
  return cases;
}

std::string messages_of(const Case& c) {
  Overrides overrides;
  for (const std::string& flag : c.flags) {
    const std::size_t sign = flag.find('=');
    overrides.emplace_back(flag.substr(0, sign), flag.substr(sign + 1));
  }
  std::string out;
  try {
    parse_scenario(c.text, "bad.yaml", library, overrides);
    out = "accepted\n";
  } catch (const InputError& error) {
    for (const Problem& problem : error.problems()) out += format(problem) + "\n";
  }
  // The folder of the sources is nobody's business.
  const std::string root = std::string{SEQLAB_SOURCE_DIR} + "/";
  for (std::size_t at = out.find(root); at != std::string::npos; at = out.find(root)) out.erase(at, root.size());
  return out;
}

}  // namespace

TEST_CASE("every bad scenario is answered with all that is wrong, and where", "[spec][errors]") {
  std::vector<Case> cases = read_cases();
  REQUIRE(cases.size() >= 40);
  if (std::getenv("SEQLAB_REWRITE_GOLDEN") != nullptr) {
    std::ofstream out(golden);
    for (const Case& c : cases) {
      out << "=== " << c.name << "\n";
      for (const std::string& flag : c.flags) out << "--set " << flag << "\n";
      out << c.text << "~~~\n" << messages_of(c) << "\n";
    }
  }
  cases = read_cases();
  for (const Case& c : cases) {
    INFO(c.name);
    CHECK(messages_of(c) == c.expected);
    CHECK(c.expected != "accepted\n");
  }
}

TEST_CASE("a scenario that does not exist is named with its nearest neighbour", "[spec][errors]") {
  CHECK_THROWS_WITH(load_scenario("baselin", library),
                    "baselin: there is no such scenario in the catalogue (did you mean `baseline`?)");
  CHECK_THROWS_WITH(load_scenario("no/such.yaml", library),
                    "no/such.yaml: no such file (a catalogue name or the path of a scenario)");
  CHECK_THROWS_WITH(load_scenario(library.root + "/catalog/", library),
                    library.root + "/catalog/: is a folder (a catalogue name or the path of a scenario)");
  CHECK_THROWS_AS(load_scenario("/dev/zero", library), InputError);
}

TEST_CASE("documents that grow without bound are refused at once", "[spec][errors]") {
  const auto refused = [](const std::string& text) {
    try {
      parse_scenario(text, "bomb.yaml", library);
    } catch (const InputError& error) {
      return std::string{error.what()};
    }
    return std::string{"accepted"};
  };
  std::string laughs = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    laughs += std::string{c} + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) laughs += std::string{i == 0 ? "*" : ", *"} + static_cast<char>(c - 1);
    laughs += "]\n";
  }
  CHECK(refused(laughs).find("the document grows beyond 400000 values") != std::string::npos);
  std::string wide = "a: &a " + std::string(1U << 20U, 'x') + "\nb: [";
  for (int i = 0; i < 1000; ++i) wide += "*a, ";
  CHECK(refused(wide + "]\n").find("the document grows beyond") != std::string::npos);
  CHECK(refused(std::string(100'000, '[')).find("nested deeper than 40 levels") != std::string::npos);
  CHECK(refused(std::string(100'000, '{')) != "accepted");
  CHECK(refused("a: &a [*a]\n").find("this alias stands inside the value that it names") != std::string::npos);
  CHECK(refused(std::string((16U << 20U) + 1, ' ')) == "bomb.yaml: larger than 16 MiB");
  std::string many = "schema: seqlab/scenario/v1\nenvironment:\n  faults:\n";
  for (int i = 0; i < 200; ++i) many += "    - {at: 1s, crash: n0..n19999}\n";
  CHECK(refused(many).find("ranges name more than a million nodes") != std::string::npos);
  std::string keys = "schema: seqlab/scenario/v1\n";
  for (int i = 0; i < 400; ++i) keys += "key" + std::to_string(i) + ": 1\n";
  CHECK_THROWS_AS(parse_scenario(keys, "bomb.yaml", library), InputError);
}

TEST_CASE("the nearest name is near", "[spec][errors]") {
  const std::vector<std::string> known{"loss", "latency", "links", "duplication"};
  CHECK(nearest("lose", known) == "loss");
  CHECK(nearest("latecny", known) == "latency");
  CHECK(nearest("lnks", known) == "links");
  CHECK(nearest("zzzz", known).empty());
  CHECK(nearest("", known).empty());
  CHECK(nearest(std::string(10'000, 'x'), known).empty());
}

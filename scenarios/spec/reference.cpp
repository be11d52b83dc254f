// Text for people, from the table of keys and from an example.
#include <string>

#include "scenarios/spec/parse.hpp"
#include "scenarios/spec/table.hpp"

namespace seqlab::scenarios {
namespace {

/// What a JSON Schema property says about the type, in words.
std::string type_of(const Value& property) {
  if (const Value* constant = property.find("const")) return "`" + constant->text + "`";
  if (const Value* choices = property.find("enum")) {
    std::string out;
    for (const Value& choice : choices->items) out += (out.empty() ? "`" : ", `") + choice.text + "`";
    return "one of " + out;
  }
  const Value* form = property.find("$comment");
  return form != nullptr ? form->text : "";
}

std::string flow(const Value& value) {
  std::string text = write_yaml(value);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

/// The object schema inside a property: its own, or that of the entries of a list.
const Value* inner_object(const Value& property) {
  if (property.find("properties") != nullptr) return &property;
  const Value* items = property.find("items");
  return items != nullptr ? inner_object(*items) : nullptr;
}

void section(const std::string& path, const Value& schema, std::string& out) {
  const Value& properties = *schema.find("properties");
  const Value* required = schema.find("required");
  if (!path.empty()) out += "\n## " + path + "\n\n";
  for (std::size_t i = 0; i < properties.items.size(); ++i) {
    const std::string& key = properties.keys[i].text;
    const Value& property = properties.items[i];
    out += "- **" + key + "**";
    bool needed = false;
    if (required != nullptr) {
      for (const Value& name : required->items) needed = needed || name.text == key;
    }
    const std::string type = type_of(property);
    if (!type.empty()) out += " (" + type + (needed ? ", required" : "");
    if (const Value* standard = property.find("default")) out += ", default `" + flow(*standard) + "`";
    if (!type.empty()) out += ")";
    out += ": " + property.find("description")->text + "\n";
  }
  for (std::size_t i = 0; i < properties.items.size(); ++i) {
    const Value* inner = inner_object(properties.items[i]);
    if (inner == nullptr) continue;
    const std::string mark = properties.items[i].is_map() && properties.items[i].find("items") != nullptr ? "[]" : "";
    section((path.empty() ? "" : path + ".") + properties.keys[i].text + mark, *inner, out);
  }
}

}  // namespace

std::string scenario_reference() {
  std::string out =
      "# Keys of a scenario\n\n"
      "Written by `seqlab schema --markdown`; the same table reads scenarios and makes the JSON Schema. Quantities "
      "carry\n"
      "their unit. A key that is not listed, or that stands twice, is an error.\n\n";
  section("", scenario_shape().schema, out);
  return out;
}

std::string scenario_template(const std::string& name) {
  return R"(# What is tested, in one line, and why it should hold:
# one of four validators says one thing to one half of its peers and another to the rest. It has a quarter of the power,
# less than a third, so the honest ones stay on one chain, and its double votes are found.
schema: seqlab/scenario/v1
name: )" +
         name + R"(

# How the sequencer works. `use:` takes over a file of scenarios/designs (or next to this one); keys beside it override.
design:
  use: tendermint-cometbft.yaml
  committee: {count: 4, stake: 100}

# What happens to it.
environment:
  use: aws13.yaml                    # 13 AWS zones with jitter, 50 tx/s from four clients
  workload: {rate: 20tx/s}
  faults:
    - {at: 20s, for: 5s, partition: [[n0, n1], [n2, n3]]}
    - {on: {record: voted, node: n2, height: 5, detail: prevote}, for: 2s, crash: [n2]}
  adversaries:
    - {script: equivocate, nodes: [n3]}    # a stock script; `my-attack.lua` would be a file next to this one

stop: {after: 60s}                   # then all faults end, and the honest nodes must make progress
expect: {verdict: held}              # `seqlab schema` lists every key, `seqlab check FILE` shows the defaults
)";
}

}  // namespace seqlab::scenarios

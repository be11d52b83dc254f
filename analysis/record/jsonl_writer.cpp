#include "analysis/record/jsonl_writer.hpp"

#include <fmt/format.h>

#include <iterator>

#include "analysis/record/describe.hpp"

namespace seqlab::analysis {

void JsonlWriter::on_record(const sim::Record& record) {
  line_.clear();
  auto out = std::back_inserter(line_);
  fmt::format_to(out, R"({{"at_ns":{},"kind":"{}")", ns(record.at), sim::name_of(record.kind));
  const Fields fields = fields_of(record);
  for (const Field& field : fields.list()) {
    fmt::format_to(out, R"(,"{}":)", field.name);
    switch (field.type) {
      case Field::Type::number: fmt::format_to(out, "{}", field.value); break;
      case Field::Type::signed_number: fmt::format_to(out, "{}", static_cast<std::int64_t>(field.value)); break;
      case Field::Type::node:
        fmt::format_to(out, "{}", field.value >= sim::all_nodes.value ? -1 : static_cast<std::int64_t>(field.value));
        break;
      case Field::Type::word: fmt::format_to(out, R"("{}")", field.word); break;
      case Field::Type::hash:
        if (field.hash) {
          fmt::format_to(out, R"("{:016x}{:016x}")", field.hash.hi, field.hash.lo);
        } else {
          fmt::format_to(out, "null");
        }
        break;
    }
  }
  line_ += "}\n";
  file_.write(line_);
}

}  // namespace seqlab::analysis

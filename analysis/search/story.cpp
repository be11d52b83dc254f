#include "analysis/search/story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "analysis/record/describe.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::Finding;
using scenarios::node_name;
using sim::Record;
using sim::RecordKind;
using sim::VoteType;

/// A proposal or a vote that left a node, and what became of its copies.
struct Statement {
  Record record;  ///< `proposed` or `voted`
  std::set<NodeId> reached;
  std::map<NodeId, std::string> lost;  ///< who did not get it, and why
  bool proposal() const { return record.kind == RecordKind::proposed; }
};

struct Where {
  std::uint64_t height = 0;
  std::uint32_t round = 0;
  friend auto operator<=>(const Where&, const Where&) = default;
};

/// What the records say about the time before a finding.
struct Past {
  std::vector<Statement> statements;                 ///< in order
  std::map<std::uint64_t, std::size_t> by_sequence;  ///< of the message -> statement
  std::vector<Record> deeds;                         ///< certified, locked, committed, crashes, partitions, in order
  std::set<NodeId> corrupt;
  std::set<std::uint64_t> heights;                     ///< that matter
  std::vector<std::pair<Hash128, std::string>> names;  ///< of blocks
  /// Arrivals and losses in order: statement, record.
  std::vector<std::pair<std::size_t, Record>> copies;

  std::string name_of(Hash128 block) const {
    if (block == Hash128{}) return "nil";
    for (const auto& [id, name] : names) {
      if (id == block) return name;
    }
    return to_hex(block).substr(0, 8);
  }
};

std::string letter(std::size_t index) {
  std::string out(1, static_cast<char>('A' + index % 26));
  return index < 26 ? out : out + std::to_string(index / 26);
}

/// "n0, n1 and n2"; of many the first, and how many more.
std::string some(const std::set<NodeId>& nodes) {
  constexpr std::size_t shown = 6;
  std::string out;
  std::size_t told = 0;
  for (const NodeId node : nodes) {
    if (told == shown && nodes.size() > shown + 1) {
      return out + fmt::format(" and {} more", nodes.size() - told);
    }
    out += told == 0 ? "" : told + 1 == nodes.size() ? " and " : ", ";
    out += node_name(node);
    ++told;
  }
  return out;
}

std::optional<std::uint64_t> height_in(std::string_view text) {
  constexpr std::string_view word = "height ";
  const std::size_t at = text.find(word);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t height = 0;
  bool any = false;
  for (std::size_t i = at + word.size(); i < text.size() && text[i] >= '0' && text[i] <= '9' && height < 1ULL << 50;
       ++i) {
    height = height * 10 + static_cast<std::uint64_t>(text[i] - '0');
    any = true;
  }
  return any ? std::optional{height} : std::nullopt;
}

/// The height that a finding is about: the one that it names, else that of the witnesses' last deed.
std::uint64_t height_of(const Finding& finding, const std::vector<Record>& records) {
  if (const auto named = height_in(finding.text)) return *named;
  std::uint64_t height = 0;
  std::uint64_t any = 0;
  for (const Record& r : records) {
    if (r.at > finding.at) break;
    const bool deed = r.kind == RecordKind::committed || r.kind == RecordKind::voted ||
                      r.kind == RecordKind::certified || r.kind == RecordKind::round_entered;
    if (!deed || r.height == 0) continue;
    any = r.height;
    if (std::ranges::find(finding.nodes, r.node) != finding.nodes.end()) height = r.height;
  }
  return height != 0 ? height : any;
}

/// Rounds go on from height to height, and a block is decided by those that follow it.
bool chained(const std::vector<Record>& records) {
  bool later = false;
  for (const Record& r : records) {
    if (r.kind != RecordKind::round_entered || r.height < 2) continue;
    if (r.round == 0) return false;
    later = true;
  }
  return later;
}

Past past_of(const Finding& finding, const std::vector<Record>& setting, const std::vector<Record>& records,
             std::uint32_t node_count) {
  Past past;
  for (const Record& r : setting) past.corrupt.insert(r.node);
  const std::uint64_t height = height_of(finding, records);
  const std::uint64_t follow = chained(records) ? 3 : 0;
  for (std::uint64_t h = height; h <= height + follow; ++h) past.heights.insert(h);

  // A statement's record comes right after those of its messages.
  const Record* last_sent = nullptr;
  for (const Record& r : records) {
    if (r.at > finding.at) break;
    switch (r.kind) {
      case RecordKind::message_sent: last_sent = &r; continue;
      case RecordKind::proposed:
      case RecordKind::voted:
        if (past.heights.count(r.height) != 0) {
          if (last_sent != nullptr && last_sent->at == r.at) past.by_sequence[last_sent->a] = past.statements.size();
          past.statements.push_back({r, {}, {}});
        }
        break;
      // A copy that is lost at once is so before the statement's record comes.
      case RecordKind::message_delivered:
      case RecordKind::message_dropped: continue;
      case RecordKind::certified:
      case RecordKind::locked:
      case RecordKind::committed:
      case RecordKind::reverted:
      case RecordKind::evidence:
        if (past.heights.count(r.height) != 0) past.deeds.push_back(r);
        break;
      case RecordKind::node_started:
        if (r.detail == 0) break;
        [[fallthrough]];
      case RecordKind::node_crashed:
      case RecordKind::disk_lost:
      case RecordKind::node_paused:
      case RecordKind::node_resumed:
      case RecordKind::clock_jumped:
      case RecordKind::partition_started:
      case RecordKind::partition_healed:
      case RecordKind::healing_started: past.deeds.push_back(r); break;
      default: break;
    }
    last_sent = nullptr;
  }
  for (const Record& r : records) {
    if (r.at > finding.at) break;
    const bool delivered = r.kind == RecordKind::message_delivered;
    if (!delivered && r.kind != RecordKind::message_dropped) continue;
    const auto found = past.by_sequence.find(r.a);
    if (found == past.by_sequence.end() || r.node.value >= node_count) continue;  // twins are not told of
    Statement& statement = past.statements[found->second];
    if (delivered) {
      statement.reached.insert(r.node);
    } else {
      statement.lost[r.node] = word_for(static_cast<sim::DropReason>(r.flags));
    }
    past.copies.emplace_back(found->second, r);
  }
  // What was lost may have come after all, by a repetition.
  for (Statement& s : past.statements) {
    for (const NodeId node : s.reached) s.lost.erase(node);
  }
  const auto give_name = [&](const Record& r) {
    if (r.id() == Hash128{}) return;
    const auto known = [&](const auto& entry) { return entry.first == r.id(); };
    if (std::ranges::none_of(past.names, known)) past.names.emplace_back(r.id(), letter(past.names.size()));
  };
  for (const Statement& s : past.statements) {
    if (s.proposal()) give_name(s.record);
  }
  for (const Statement& s : past.statements) give_name(s.record);
  for (const Record& r : past.deeds) {
    if (r.kind == RecordKind::certified || r.kind == RecordKind::locked || r.kind == RecordKind::committed)
      give_name(r);
  }
  return past;
}

std::string vote_word(std::uint8_t detail) {
  const auto type = static_cast<VoteType>(detail);
  return type == VoteType::none ? "statement" : std::string{word_for(type)};
}

std::string said(const Statement& s, const Past& past) {
  return (s.proposal() ? std::string{"proposal"} : vote_word(s.record.detail)) + " " + past.name_of(s.record.id());
}

std::string place(std::uint64_t height, std::uint32_t round) { return fmt::format("h{} r{}", height, round); }

/// Hashes of blocks become their letters.
std::string with_letters(std::string text, const Past& past) {
  for (const auto& [id, name] : past.names) {
    const std::string hex = to_hex(id).substr(0, 8);
    for (std::size_t at = text.find(hex); at != std::string::npos; at = text.find(hex, at + name.size())) {
      std::size_t end = at + hex.size();
      while (end < text.size() && std::string_view{"0123456789abcdef"}.find(text[end]) != std::string_view::npos) ++end;
      text.replace(at, end - at, name);
    }
  }
  return text;
}

// ---- the diagram ----------------------------------------------------------------------------------------------------

struct Line {
  SimTime at;
  std::size_t order;
  int weight;  ///< what matters most stays
  std::vector<NodeId> who;
  std::string text;
};

std::vector<Line> lines_of(const Finding& finding, const Past& past) {
  std::vector<Line> out;
  const auto witness = [&](NodeId node) { return std::ranges::find(finding.nodes, node) != finding.nodes.end(); };
  const auto add = [&](SimTime at, int weight, std::vector<NodeId> who, std::string text) {
    out.push_back({at, out.size(), weight, std::move(who), std::move(text)});
  };
  std::set<std::pair<std::size_t, NodeId>> told;
  for (const auto& [index, copy] : past.copies) {
    const Statement& s = past.statements[index];
    const NodeId from = s.record.node;
    const NodeId to = copy.node;
    if (to == from) continue;
    const bool lost = copy.kind == RecordKind::message_dropped;
    if (lost && s.lost.count(to) == 0) continue;
    if (!told.emplace(index, to).second) continue;
    int weight = s.proposal() ? 80 : 20;
    if (lost) weight = std::max(weight, 60);
    if (past.corrupt.count(from) != 0) weight += 10;
    if (witness(to)) weight += 35;
    if (s.record.id() == Hash128{}) weight -= 10;
    add(copy.at, weight, {from, to},
        fmt::format("{}{}{}: {} ({}){}", node_name(from), lost ? "--x" : "->>", node_name(to), said(s, past),
                    place(s.record.height, s.record.round), lost ? ", lost: " + s.lost.at(to) : ""));
  }
  for (const Record& r : past.deeds) {
    const auto note = [&](int weight, const std::string& text) {
      // What a corrupt node makes of its votes binds nobody.
      if (past.corrupt.count(r.node) != 0 && r.height != 0) weight -= 80;
      add(r.at, weight + (witness(r.node) ? 10 : 0), {r.node},
          fmt::format("Note over {}: {}", node_name(r.node), text));
    };
    const std::string here = place(r.height, r.round);
    switch (r.kind) {
      case RecordKind::certified:
        note(50, fmt::format("quorum of {}s for {} ({})", vote_word(r.detail), past.name_of(r.id()), here));
        break;
      case RecordKind::locked: note(70, fmt::format("locked on {} ({})", past.name_of(r.id()), here)); break;
      case RecordKind::committed:
        note(100, fmt::format("COMMITS {} ({}){}", past.name_of(r.id()), here,
                              r.detail == static_cast<std::uint8_t>(sim::CommitLevel::final)
                                  ? ""
                                  : fmt::format(", {}", word_for(static_cast<sim::CommitLevel>(r.detail)))));
        break;
      case RecordKind::reverted: note(95, fmt::format("takes back {}", past.name_of(r.id()))); break;
      case RecordKind::evidence:
        note(30, fmt::format("evidence of {} against {}", word_for(static_cast<sim::EvidenceKind>(r.detail)),
                             node_name(r.peer)));
        break;
      case RecordKind::node_crashed: note(110, "crashes"); break;
      case RecordKind::disk_lost:
        note(110, fmt::format("disk: {}", word_for(static_cast<sim::DiskFault>(r.detail))));
        break;
      case RecordKind::node_started: note(105, "starts again"); break;
      case RecordKind::node_paused: note(100, "is paused"); break;
      case RecordKind::node_resumed: note(100, "goes on"); break;
      case RecordKind::clock_jumped:
        note(90, fmt::format("clock jumps by {} ms", static_cast<std::int64_t>(r.a) / 1'000'000));
        break;
      default: break;
    }
  }
  return out;
}

// ---- the paragraph --------------------------------------------------------------------------------------------------

std::string verb_for(std::uint8_t detail) {
  switch (static_cast<VoteType>(detail)) {
    case VoteType::prevote: return "prevoted";
    case VoteType::precommit: return "precommitted";
    case VoteType::timeout: return "timed out on";
    default: return "voted for";
  }
}

class Teller {
 public:
  Teller(const Past& past, std::uint32_t node_count) : past_(past), node_count_(node_count) {}

  std::string round(Where where, SimTime from, SimTime until) {
    std::vector<std::string> parts;
    for (std::string& event : events(from, until)) parts.push_back(std::move(event));
    proposals(where, parts);
    votes(where, parts);
    deeds(where, parts);
    if (parts.empty()) return {};
    return fmt::format("In height {} round {} {}.", where.height, where.round, fmt::join(parts, "; "));
  }

  std::vector<std::string> events(SimTime from, SimTime until) {
    std::vector<std::string> out;
    for (const Record& r : past_.deeds) {
      if (r.at < from || r.at >= until) continue;
      switch (r.kind) {
        case RecordKind::node_crashed: out.push_back(who(r.node) + " crashed"); break;
        case RecordKind::disk_lost:
          out.push_back(fmt::format("the disk of {} was hit ({})", node_name(r.node),
                                    word_for(static_cast<sim::DiskFault>(r.detail))));
          break;
        case RecordKind::node_started: out.push_back(who(r.node) + " started again"); break;
        case RecordKind::node_paused: out.push_back(who(r.node) + " was paused"); break;
        case RecordKind::node_resumed: out.push_back(who(r.node) + " went on"); break;
        case RecordKind::partition_started: out.push_back("the network split"); break;
        case RecordKind::partition_healed: out.push_back("the network was whole again"); break;
        case RecordKind::clock_jumped: out.push_back("the clock of " + node_name(r.node) + " jumped"); break;
        case RecordKind::healing_started: out.push_back("all faults ended"); break;
        default: break;
      }
      if (out.size() == 6) {
        out.push_back("and so on");
        break;
      }
    }
    return out;
  }

 private:
  bool fits(const Record& r, Where where) const { return r.height == where.height && r.round == where.round; }

  /// Says once that a node is corrupt.
  std::string who(NodeId node) {
    if (past_.corrupt.count(node) == 0 || !introduced_.insert(node).second) return node_name(node);
    return node_name(node) + ", which is corrupt,";
  }

  std::set<NodeId> others_of(NodeId node) const {
    std::set<NodeId> out;
    for (std::uint32_t i = 0; i < node_count_; ++i) {
      if (NodeId{i} != node) out.insert(NodeId{i});
    }
    return out;
  }

  /// " to n0 and n2", nothing if everybody got it.
  std::string reach(const Statement& s) const {
    if (s.reached == others_of(s.record.node)) return {};
    if (s.reached.empty()) return s.lost.empty() ? "" : ", which reached nobody";  // or is still on its way
    return " to " + some(s.reached);
  }

  void proposals(Where where, std::vector<std::string>& parts) {
    std::map<NodeId, std::vector<std::string>> by;
    std::vector<NodeId> order;
    for (const Statement& s : past_.statements) {
      if (!s.proposal() || !fits(s.record, where)) continue;
      if (by.count(s.record.node) == 0) order.push_back(s.record.node);
      by[s.record.node].push_back(past_.name_of(s.record.id()) + reach(s));
    }
    for (const NodeId node : order)
      parts.push_back(fmt::format("{} proposed {}", who(node), fmt::join(by[node], " and ")));
  }

  /// Honest nodes that said the same together; those who said two things one by one.
  void votes(Where where, std::vector<std::string>& parts) {
    for (std::uint8_t type = 0; type <= static_cast<std::uint8_t>(VoteType::timeout); ++type) {
      std::map<NodeId, std::vector<const Statement*>> by;
      for (const Statement& s : past_.statements) {
        if (!s.proposal() && s.record.detail == type && fits(s.record, where)) by[s.record.node].push_back(&s);
      }
      std::map<std::string, std::set<NodeId>> together;
      for (const auto& [node, all] : by) {
        std::set<Hash128> blocks;
        for (const Statement* s : all) blocks.insert(s->record.id());
        if (blocks.size() == 1 && past_.corrupt.count(node) == 0) {
          together[past_.name_of(*blocks.begin())].insert(node);
          continue;
        }
        std::vector<std::string> words;
        for (const Statement* s : all) words.push_back(past_.name_of(s->record.id()) + reach(*s));
        parts.push_back(fmt::format("{} {} {}", who(node), verb_for(type), fmt::join(words, " and ")));
      }
      for (const auto& [block, nodes] : together)
        parts.push_back(fmt::format("{} {} {}", some(nodes), verb_for(type), block));
      lost(by, type, parts);
    }
  }

  /// Votes of honest nodes that did not arrive.
  void lost(const std::map<NodeId, std::vector<const Statement*>>& by, std::uint8_t type,
            std::vector<std::string>& parts) const {
    std::map<std::set<NodeId>, std::set<NodeId>> missed;  // receivers -> senders
    for (const auto& [node, all] : by) {
      for (const Statement* s : all) {
        std::set<NodeId> missing;
        for (const auto& [to, why] : s->lost) missing.insert(to);
        if (!missing.empty()) missed[missing].insert(node);
      }
    }
    std::vector<std::string> words;
    for (const auto& [to, from] : missed) {
      words.push_back(fmt::format("{} of {} to {}",
                                  from.size() == 1 ? "the " + vote_word(type) : "the " + vote_word(type) + "s",
                                  some(from), some(to)));
      if (words.size() == 3) break;
    }
    if (!words.empty())
      parts.push_back(fmt::format("{} {} lost", fmt::join(words, " and "),
                                  missed.size() == 1 && missed.begin()->second.size() == 1 ? "was" : "were"));
  }

  void deeds(Where where, std::vector<std::string>& parts) const {
    std::map<std::pair<std::uint8_t, Hash128>, std::set<NodeId>> quorums;
    std::map<Hash128, std::set<NodeId>> locks;
    std::vector<std::pair<Hash128, std::set<NodeId>>> commits;
    for (const Record& r : past_.deeds) {
      if (!fits(r, where) || past_.corrupt.count(r.node) != 0) continue;  // what they make of it binds nobody
      if (r.kind == RecordKind::certified) quorums[{r.detail, r.id()}].insert(r.node);
      if (r.kind == RecordKind::locked) locks[r.id()].insert(r.node);
      if (r.kind == RecordKind::committed && r.detail == static_cast<std::uint8_t>(sim::CommitLevel::final)) {
        const auto same = std::ranges::find(commits, r.id(), &std::pair<Hash128, std::set<NodeId>>::first);
        if (same != commits.end()) {
          same->second.insert(r.node);
        } else {
          commits.push_back({r.id(), {r.node}});
        }
      }
    }
    for (const auto& [what, nodes] : quorums) {
      parts.push_back(
          fmt::format("{} saw a quorum of {}s for {}", some(nodes), vote_word(what.first), past_.name_of(what.second)));
    }
    for (const auto& [block, nodes] : locks)
      parts.push_back(fmt::format("{} locked {}", some(nodes), past_.name_of(block)));
    for (const auto& [block, nodes] : commits)
      parts.push_back(fmt::format("{} committed {}", some(nodes), past_.name_of(block)));
  }

  const Past& past_;
  std::uint32_t node_count_;
  std::set<NodeId> introduced_;
};

}  // namespace

sim::KindMask Story::kinds() {
  return sim::mask_of(RecordKind::corrupt, RecordKind::message_sent, RecordKind::message_delivered,
                      RecordKind::message_dropped, RecordKind::proposed, RecordKind::voted, RecordKind::certified,
                      RecordKind::locked, RecordKind::committed, RecordKind::reverted, RecordKind::evidence,
                      RecordKind::round_entered, RecordKind::node_started, RecordKind::node_crashed,
                      RecordKind::disk_lost, RecordKind::node_paused, RecordKind::node_resumed,
                      RecordKind::clock_jumped, RecordKind::partition_started, RecordKind::partition_healed,
                      RecordKind::healing_started);
}

void Story::on_record(const Record& record) {
  if (record.kind == RecordKind::corrupt) {
    setting_.push_back(record);
    return;
  }
  if (records_.size() == records_max) records_.erase(records_.begin(), records_.begin() + records_max / 2);
  records_.push_back(record);
}

std::string Story::diagram(const Finding& finding, std::size_t lines_max) const {
  const Past past = past_of(finding, setting_, records_, node_count_);
  std::vector<Line> lines = lines_of(finding, past);
  const std::size_t all = lines.size();
  if (lines.size() > lines_max) {
    std::ranges::sort(lines, [](const Line& a, const Line& b) {
      return std::tuple{-a.weight, b.at, b.order} < std::tuple{-b.weight, a.at, a.order};
    });
    lines.resize(lines_max);
  }
  std::ranges::sort(lines,
                    [](const Line& a, const Line& b) { return std::tie(a.at, a.order) < std::tie(b.at, b.order); });
  std::set<NodeId> who;
  for (const Line& line : lines) who.insert(line.who.begin(), line.who.end());
  std::string out = "sequenceDiagram\n";
  if (all > lines.size()) out += fmt::format("  %% {} of {} lines: those that matter most\n", lines.size(), all);
  for (const NodeId node : who) {
    out += fmt::format("  participant {}{}\n", node_name(node),
                       past.corrupt.count(node) != 0 ? fmt::format(" as {} (corrupt)", node_name(node)) : "");
  }
  for (const Line& line : lines) out += "  " + line.text + "\n";
  return out;
}

std::string Story::paragraph(const Finding& finding) const {
  const Past past = past_of(finding, setting_, records_, node_count_);
  // Rounds in the order in which they began.
  std::map<Where, SimTime> begun;
  const auto note = [&](const Record& r) {
    if (r.height == 0) return;
    const auto [at, fresh] = begun.emplace(Where{r.height, r.round}, r.at);
    if (!fresh) at->second = std::min(at->second, r.at);
  };
  for (const Statement& s : past.statements) note(s.record);
  for (const Record& r : past.deeds) {
    const bool mine =
        r.kind == RecordKind::certified || r.kind == RecordKind::locked || r.kind == RecordKind::committed;
    if (mine) note(r);
  }
  std::vector<std::pair<SimTime, Where>> rounds;
  for (const auto& [where, at] : begun) rounds.emplace_back(at, where);
  std::ranges::sort(rounds);

  constexpr std::size_t first_shown = 2;
  constexpr std::size_t last_shown = 6;
  Teller teller(past, node_count_);
  std::vector<std::string> sentences;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    const bool left_out =
        rounds.size() > first_shown + last_shown && i >= first_shown && i + last_shown < rounds.size();
    if (left_out) {
      if (i == first_shown) {
        sentences.push_back(fmt::format("{} more rounds followed.", rounds.size() - first_shown - last_shown));
      }
      continue;
    }
    const SimTime from = i == 0 ? SimTime::min() : rounds[i].first;
    const SimTime until = i + 1 < rounds.size() ? rounds[i + 1].first : SimTime::max();
    if (std::string sentence = teller.round(rounds[i].second, from, until); !sentence.empty())
      sentences.push_back(std::move(sentence));
  }
  if (rounds.empty()) {
    const std::vector<std::string> events = teller.events(SimTime::min(), SimTime::max());
    if (!events.empty()) sentences.push_back(fmt::format("{}.", fmt::join(events, "; ")));
  }
  sentences.push_back(fmt::format("Thus {} was broken{}: {}.", finding.checker,
                                  finding.outside_model ? " (outside of the model)" : "",
                                  with_letters(finding.text, past)));
  return fmt::format("{}", fmt::join(sentences, " "));
}

}  // namespace seqlab::analysis

// Runs of a world written by hand: one line a record, so that a test reads like the story it tells.
//
//   committee n0..n3 1            voting power 1 each, from height 1
//   power n4 = 2 from h7          a change
//   corrupt n3
//   propose n0 h1 r0 A            signer, height, round, block (any word; `nil` is nil)
//   prevote n0 n1 n2 h1 r0 A      one record a node
//   precommit n0..n2 h1 r0 A
//   vote n0 n1 n2 h1 r0 A
//   repropose n1 h1 r2 A of r0    in a later round
//   revert n0 h1 A                what it told speculatively
//   epoch n0 from h3 r7           enters an epoch whose first block has height 3
//   lock n0 h1 r0 A
//   certificate n0 h1 r0 precommit A by n0 n1 n2
//   commit n0 n1 h1 r0 A on G     `on`: parent
//   commit n0 h1 r0 A on G level soft
//   execute n0 h1 S1
//   submit tx1 account 7 nonce 0
//   include n0 h1 tx1 tx2         in this order from index 0
//   include n0 h1 tx1 failed
//   confirm n0 h1 tx1             a client was told by n0
//   round n0..n3 h1 r1
//   step n0 h1 r1 2
//   evidence n1 against n3 h1 r0 double_vote
//   both n3 prevote seq 9 h1 r0 A a message of n3 and the vote that it carries
//   sent n3 prevote seq 9 / delivered n0 from n3 prevote seq 9 / rejected n0 from n3 prevote h1 r0
//   crash n1 / start n1 / restart n1 / wipe n1 / rollback n1 / jump n1 700
//   heal / core n0 n1 n2
//   wait 250                      milliseconds; every line takes one by itself
//
// Text after # is a comment.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/consensus/messages.hpp"
#include "protocols/consensus/reproposal.hpp"
#include "protocols/types/transaction.hpp"
#include "scenarios/checkers/checker.hpp"

namespace seqlab::tests {

/// The block, transaction or state that a word of a table stands for.
Hash128 named(std::string_view word);

struct Table {
  std::vector<sim::Record> records;
  SimTime end{};
};

/// @throws std::runtime_error naming the line that it cannot read
Table parse_table(std::string_view text);

struct Judged {
  std::vector<scenarios::Finding> findings;
  scenarios::Liveness liveness = scenarios::Liveness::not_checked;
  std::vector<NodeId> accused;
  /// Text of the first finding, "" if there is none.
  std::string first() const { return findings.empty() ? std::string{} : findings.front().text; }
  bool silent() const { return findings.empty(); }
};

/// What the named checker makes of a run, reading only the kinds that it asked for.
Judged run_checker(std::string_view checker, const scenarios::CheckerContext& context, std::string_view table);
Judged run_checker(std::string_view checker, const scenarios::CheckerContext& context, const Table& table);
/// Of four nodes that vote.
Judged run_checker(std::string_view checker, std::string_view table);

inline Hash128 named(std::string_view word) {
  if (word == "nil") return {};
  return hash128(std::as_bytes(std::span{word}), 7);
}

namespace detail {

using sim::Record;
using sim::RecordKind;

class Line {
 public:
  explicit Line(const std::string& text) : text_(text) {
    std::istringstream in{text.substr(0, text.find('#'))};
    for (std::string word; in >> word;) words_.push_back(word);
  }
  bool empty() const { return words_.empty(); }
  bool more() const { return at_ < words_.size(); }
  std::string next() {
    if (!more()) fail();
    return words_[at_++];
  }
  bool accept(std::string_view word) {
    if (!more() || words_[at_] != word) return false;
    ++at_;
    return true;
  }
  void expect(std::string_view word) {
    if (!accept(word)) fail();
  }
  std::uint64_t number(std::string_view prefix = "") {
    const std::string word = next();
    std::uint64_t value = 0;
    if (word.compare(0, prefix.size(), prefix) != 0) fail();
    const char* end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data() + prefix.size(), end, value);
    if (error != std::errc{} || stop != end) fail();
    return value;
  }
  NodeId node() { return NodeId{static_cast<std::uint32_t>(number("n"))}; }
  /// n0 n2 n4..n6
  std::vector<NodeId> nodes() {
    std::vector<NodeId> out;
    while (more() && words_[at_].size() > 1 && words_[at_][0] == 'n' && words_[at_][1] >= '0' &&
           words_[at_][1] <= '9') {
      const std::string word = next();
      const std::size_t dots = word.find("..");
      const auto first = static_cast<std::uint32_t>(std::stoul(word.substr(1, dots - 1)));
      const auto last =
          dots == std::string::npos ? first : static_cast<std::uint32_t>(std::stoul(word.substr(dots + 3)));
      for (std::uint32_t i = first; i <= last; ++i) out.push_back(NodeId{i});
    }
    if (out.empty()) fail();
    return out;
  }
  [[noreturn]] void fail() const { throw std::runtime_error("cannot read the line: " + text_); }

 private:
  std::string text_;
  std::vector<std::string> words_;
  std::size_t at_ = 0;
};

inline std::uint8_t vote_type(Line& line) {
  if (line.accept("prevote")) return static_cast<std::uint8_t>(sim::VoteType::prevote);
  if (line.accept("precommit")) return static_cast<std::uint8_t>(sim::VoteType::precommit);
  line.fail();
}

inline std::uint8_t message_kind(Line& line) {
  if (line.accept("prevote")) return static_cast<std::uint8_t>(protocols::MessageKind::prevote);
  if (line.accept("precommit")) return static_cast<std::uint8_t>(protocols::MessageKind::precommit);
  line.fail();
}

class Parser {
 public:
  Table table;

  void parse(const std::string& text) {
    Line line{text};
    if (line.empty()) return;
    now_ += Duration{1ms};
    const std::string verb = line.next();
    if (!nodes_only(verb, line) && !consensus(verb, line) && !transactions(verb, line) && !rest(verb, line))
      line.fail();
    if (line.more()) line.fail();
    table.end = now_;
  }

 private:
  Record& add(RecordKind kind, NodeId node) {
    Record record;
    record.at = now_;
    record.kind = kind;
    record.node = node;
    table.records.push_back(record);
    return table.records.back();
  }
  Record& add(RecordKind kind, NodeId node, std::uint64_t height, std::uint32_t round) {
    Record& record = add(kind, node);
    record.height = height;
    record.round = round;
    return record;
  }

  bool nodes_only(const std::string& verb, Line& line) {
    const auto each = [&](RecordKind kind, std::uint8_t detail = 0) {
      for (const NodeId node : line.nodes()) add(kind, node).detail = detail;
      return true;
    };
    if (verb == "corrupt") return each(RecordKind::corrupt);
    if (verb == "crash") return each(RecordKind::node_crashed);
    if (verb == "start") return each(RecordKind::node_started);
    if (verb == "restart") return each(RecordKind::node_started, 1);
    if (verb == "wipe") return each(RecordKind::disk_lost, static_cast<std::uint8_t>(sim::DiskFault::wiped));
    if (verb == "rollback") return each(RecordKind::disk_lost, static_cast<std::uint8_t>(sim::DiskFault::rolled_back));
    if (verb == "unsynced")
      return each(RecordKind::disk_lost, static_cast<std::uint8_t>(sim::DiskFault::unsynced_lost));
    if (verb == "core") return each(RecordKind::core_member);
    return false;
  }

  bool consensus(const std::string& verb, Line& line) {
    const auto statement = [&](RecordKind kind, std::uint8_t detail) {
      const std::vector<NodeId> nodes = line.nodes();
      const std::uint64_t height = line.number("h");
      const auto round = static_cast<std::uint32_t>(line.number("r"));
      const Hash128 id = named(line.next());
      for (const NodeId node : nodes) {
        Record& record = add(kind, node, height, round).with_id(id);
        record.detail = detail;
        if (kind == RecordKind::proposed) record.peer = node;
      }
      return true;
    };
    if (verb == "propose") return statement(RecordKind::proposed, 0);
    if (verb == "prevote") return statement(RecordKind::voted, static_cast<std::uint8_t>(sim::VoteType::prevote));
    if (verb == "precommit") return statement(RecordKind::voted, static_cast<std::uint8_t>(sim::VoteType::precommit));
    if (verb == "vote") return statement(RecordKind::voted, static_cast<std::uint8_t>(sim::VoteType::vote));
    if (verb == "repropose") {
      statement(RecordKind::proposed, 0);
      line.expect("of");
      table.records.back().flags = protocols::reproposal_flags(static_cast<std::uint32_t>(line.number("r")));
      return true;
    }
    if (verb == "revert") {
      const NodeId node = line.node();
      const std::uint64_t height = line.number("h");
      Record& record = add(RecordKind::reverted, node, height, 0).with_id(named(line.next()));
      record.detail = static_cast<std::uint8_t>(sim::CommitLevel::speculative);
      return true;
    }
    if (verb == "epoch") {
      const NodeId node = line.node();
      line.expect("from");
      const std::uint64_t height = line.number("h");
      add(RecordKind::epoch_entered, node, height, static_cast<std::uint32_t>(line.number("r")));
      return true;
    }
    if (verb == "lock") return statement(RecordKind::locked, 0);
    if (verb == "round") {
      const std::vector<NodeId> nodes = line.nodes();
      const std::uint64_t height = line.number("h");
      const auto round = static_cast<std::uint32_t>(line.number("r"));
      for (const NodeId node : nodes) add(RecordKind::round_entered, node, height, round);
      return true;
    }
    if (verb == "step") {
      const std::vector<NodeId> nodes = line.nodes();
      const std::uint64_t height = line.number("h");
      const auto round = static_cast<std::uint32_t>(line.number("r"));
      const auto step = static_cast<std::uint8_t>(line.number());
      for (const NodeId node : nodes) add(RecordKind::step_entered, node, height, round).detail = step;
      return true;
    }
    if (verb == "certificate") {
      const NodeId node = line.node();
      const std::uint64_t height = line.number("h");
      const auto round = static_cast<std::uint32_t>(line.number("r"));
      const std::uint8_t type = vote_type(line);
      const Hash128 id = named(line.next());
      line.expect("by");
      std::map<std::uint32_t, Hash128> windows;
      for (const NodeId signer : line.nodes()) {
        Hash128& bits = windows[signer.value / 128 * 128];
        (signer.value % 128 < 64 ? bits.hi : bits.lo) |= std::uint64_t{1} << (signer.value % 64);
      }
      for (const auto& [first, bits] : windows) {
        Record& record = add(RecordKind::certificate_signers, node, height, round).with_id(bits);
        record.peer = NodeId{first};
        record.detail = type;
      }
      add(RecordKind::certified, node, height, round).with_id(id).detail = type;
      return true;
    }
    if (verb == "commit") {
      const std::vector<NodeId> nodes = line.nodes();
      const std::uint64_t height = line.number("h");
      const auto round = static_cast<std::uint32_t>(line.number("r"));
      const Hash128 id = named(line.next());
      Hash128 parent;
      const bool has_parent = line.accept("on");
      if (has_parent) parent = named(line.next());
      auto level = sim::CommitLevel::final;
      if (line.accept("level")) {
        const bool soft = line.accept("soft");
        if (!soft) line.expect("speculative");
        level = soft ? sim::CommitLevel::soft : sim::CommitLevel::speculative;
      }
      for (const NodeId node : nodes) {
        add(RecordKind::committed, node, height, round).with_id(id).detail = static_cast<std::uint8_t>(level);
        if (has_parent) {
          add(RecordKind::commit_parent, node, height, 0).with_id(parent).detail = static_cast<std::uint8_t>(level);
        }
      }
      return true;
    }
    if (verb == "evidence") {
      const NodeId node = line.node();
      line.expect("against");
      const NodeId offender = line.node();
      const std::uint64_t height = line.number("h");
      const auto round = static_cast<std::uint32_t>(line.number("r"));
      Record& record = add(RecordKind::evidence, node, height, round);
      record.peer = offender;
      const std::string kind = line.next();
      if (kind == "double_vote") {
        record.detail = static_cast<std::uint8_t>(sim::EvidenceKind::double_vote);
      } else if (kind == "double_proposal") {
        record.detail = static_cast<std::uint8_t>(sim::EvidenceKind::double_proposal);
      } else {
        line.fail();
      }
      return true;
    }
    return false;
  }

  bool transactions(const std::string& verb, Line& line) {
    if (verb == "execute") {
      const std::vector<NodeId> nodes = line.nodes();
      const std::uint64_t height = line.number("h");
      const Hash128 root = named(line.next());
      for (const NodeId node : nodes) add(RecordKind::executed, node, height, 0).with_id(root);
      return true;
    }
    if (verb == "submit") {
      const Hash128 id = named(line.next());
      line.expect("account");
      const auto account = static_cast<std::uint32_t>(line.number());
      line.expect("nonce");
      Record& record = add(RecordKind::tx_submitted, client, line.number(), account).with_id(id);
      record.peer = NodeId{0};
      return true;
    }
    if (verb == "include") {
      const std::vector<NodeId> nodes = line.nodes();
      const std::uint64_t height = line.number("h");
      std::vector<std::pair<Hash128, protocols::TxStatus>> list;
      while (line.more()) {
        list.emplace_back(named(line.next()), protocols::TxStatus::ok);
        if (line.accept("failed")) list.back().second = protocols::TxStatus::insufficient_funds;
      }
      for (const NodeId node : nodes) {
        std::uint32_t index = 0;
        for (const auto& [id, status] : list) {
          add(RecordKind::tx_included, node, height, index++).with_id(id).detail = static_cast<std::uint8_t>(status);
        }
      }
      return true;
    }
    if (verb == "confirm") {
      const NodeId by = line.node();
      const std::uint64_t height = line.number("h");
      Record& record = add(RecordKind::tx_confirmed, client, height, 0).with_id(named(line.next()));
      record.peer = by;
      return true;
    }
    return false;
  }

  bool rest(const std::string& verb, Line& line) {
    if (verb == "committee") {
      const std::vector<NodeId> nodes = line.nodes();
      const std::uint64_t power = line.number();
      for (const NodeId node : nodes) add(RecordKind::validator, node, 1, 0).a = power;
      return true;
    }
    if (verb == "power") {
      const NodeId node = line.node();
      line.expect("=");
      const std::uint64_t power = line.number();
      line.expect("from");
      add(RecordKind::validator, node, line.number("h"), 0).a = power;
      return true;
    }
    if (verb == "heal") {
      add(RecordKind::healing_started, no_node);
      return true;
    }
    if (verb == "jump") {
      const NodeId node = line.node();
      add(RecordKind::clock_jumped, node).a = line.number() * 1'000'000;
      return true;
    }
    if (verb == "wait") {
      now_ += Duration{1ms} * static_cast<std::int64_t>(line.number());
      return true;
    }
    if (verb == "sent") {
      const NodeId node = line.node();
      const std::uint8_t kind = message_kind(line);
      line.expect("seq");
      Record& record = add(RecordKind::message_sent, node);
      record.peer = sim::all_nodes;
      record.detail = kind;
      record.a = line.number();
      return true;
    }
    if (verb == "both") {
      const NodeId node = line.node();
      const std::uint8_t kind = message_kind(line);
      line.expect("seq");
      Record& sent = add(RecordKind::message_sent, node);
      sent.peer = sim::all_nodes;
      sent.detail = kind;
      sent.a = line.number();
      if (line.accept("then")) {  // at the same instant another machine sends, and the statement is of that message
        Record& other = add(RecordKind::message_sent, line.node());
        line.expect("seq");
        other.peer = sim::all_nodes;
        other.detail = kind;
        other.a = line.number();
      }
      const std::uint64_t height = line.number("h");
      const auto round = static_cast<std::uint32_t>(line.number("r"));
      const bool prevote = kind == static_cast<std::uint8_t>(protocols::MessageKind::prevote);
      add(RecordKind::voted, node, height, round).with_id(named(line.next())).detail =
          static_cast<std::uint8_t>(prevote ? sim::VoteType::prevote : sim::VoteType::precommit);
      return true;
    }
    if (verb == "delivered" || verb == "rejected") {
      const std::vector<NodeId> nodes = line.nodes();
      line.expect("from");
      const NodeId from = line.node();
      const std::uint8_t kind = message_kind(line);
      std::uint64_t sequence = 0;
      std::uint64_t height = 0;
      std::uint32_t round = 0;
      if (verb == "delivered") {
        line.expect("seq");
        sequence = line.number();
      } else {
        height = line.number("h");
        round = static_cast<std::uint32_t>(line.number("r"));
      }
      for (const NodeId node : nodes) {
        Record& record = add(verb == "delivered" ? RecordKind::message_delivered : RecordKind::message_rejected, node,
                             height, round);
        record.peer = from;
        record.detail = kind;
        record.a = sequence;
      }
      return true;
    }
    return false;
  }

  static constexpr NodeId client{1000};
  SimTime now_{};
};

}  // namespace detail

inline Table parse_table(std::string_view text) {
  detail::Parser parser;
  std::istringstream in{std::string{text}};
  for (std::string line; std::getline(in, line);) parser.parse(line);
  return std::move(parser.table);
}

inline Judged run_checker(std::string_view name, const scenarios::CheckerContext& context, const Table& table) {
  const scenarios::CheckerEntry* entry = scenarios::find_checker(name);
  if (entry == nullptr) throw std::runtime_error(fmt::format("no checker is called {}", name));
  const std::unique_ptr<scenarios::Checker> checker = entry->make(context);
  for (const sim::Record& record : table.records) {
    if ((checker->kinds() & sim::mask_of(record.kind)) != 0) checker->on_record(record);
  }
  checker->finish(table.end);
  return Judged{checker->findings(), checker->liveness(), checker->accused()};
}

inline Judged run_checker(std::string_view name, const scenarios::CheckerContext& context, std::string_view text) {
  return run_checker(name, context, parse_table(text));
}

inline Judged run_checker(std::string_view name, std::string_view text) {
  scenarios::CheckerContext context;
  context.engine.has_locks = true;
  context.node_count = 4;
  return run_checker(name, context, text);
}

}  // namespace seqlab::tests

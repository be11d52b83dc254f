// The commands, one file each. Arguments arrive parsed (CLI11 stays in main.cpp); results go to stdout, all else to
// stderr. Each returns the exit code and throws scenarios::InputError for bad input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/spec/parse.hpp"

namespace seqlab::analysis {

enum class Colour : std::uint8_t { automatic, always, never };

/// What every command knows.
struct Context {
  std::string program = "seqlab";    ///< how the user started us: the first word of commands that we print
  std::string library_root;          ///< --library; "" = not given
  Colour colour = Colour::automatic;
};

/// --library, else SEQLAB_LIBRARY, else the sources this program was built from.
scenarios::Library library_of(const Context& context);
/// Whether to paint what goes to stdout (--color, NO_COLOR, TERM=dumb, a terminal).
bool paints(const Context& context);

/// Writes to stdout and flushes. @throws scenarios::InputError if it is full or closed
void print(const std::string& text);

/// The folder that a run leaves behind.
struct FolderArguments {
  std::string out;                      ///< "" = none
  bool trace = false, jsonl = false, force = false;
};

struct RunArguments {
  std::string scenario;
  std::optional<std::string> seed;      ///< as typed
  std::vector<std::string> overrides;   ///< path=value
  FolderArguments folder;
  bool json = false, quiet = false, verify = false, progress = true;
  bool record_plan = false;             ///< with --out: attack.json
};
int run_command(const RunArguments& arguments, const Context& context);

struct ReplayArguments {
  std::string plan;
  FolderArguments folder;
  bool json = false, quiet = false, progress = true;
};
int replay_command(const ReplayArguments& arguments, const Context& context);

struct FuzzArguments {
  std::vector<std::string> scenarios, engines, strategies;
  std::vector<std::string> overrides;
  std::string seed = "1", shard = "0/1", jobs = "1";     ///< as typed
  std::string time, cases;                               ///< as typed; "" = not given
  std::string campaign, corpus = "seqlab-corpus", junit, sarif, twins, write_twins;
  bool until_failure = false, json = false, github = false, progress = true;
};
int fuzz_command(const FuzzArguments& arguments, const Context& context);

struct ShrinkArguments {
  std::string plan;
  std::string out;                      ///< "" = a new folder beside
  std::optional<std::uint64_t> runs;    ///< budget
  bool json = false, progress = true;
};
int shrink_command(const ShrinkArguments& arguments, const Context& context);

struct BisectArguments {
  std::vector<std::string> runs;    ///< two plans or run folders, or one scenario
  std::vector<std::string> seeds;   ///< as typed: none, or two
};
/// 0: the runs are equal; 1: they differ.
int bisect_command(const BisectArguments& arguments, const Context& context);

struct CompareArguments {
  std::vector<std::string> designs, environments;   ///< names or paths, as after `use:`
  std::vector<std::string> overrides;
  std::string seed = "1", seeds = "8", jobs = "1", after = "60s";   ///< as typed
  std::string csv;                      ///< "" = none
  bool json = false, progress = true;
};
int compare_command(const CompareArguments& arguments, const Context& context);

struct CheckArguments {
  std::string scenario;
  std::vector<std::string> overrides;
};
int check_command(const CheckArguments& arguments, const Context& context);

struct ListArguments {
  std::string what;   ///< "" = everything
  bool json = false;
};
/// What can be listed, in order.
std::vector<std::string> list_kinds();
int list_command(const ListArguments& arguments, const Context& context);

struct SchemaArguments {
  bool result = false;     ///< of `run --json` instead of scenarios
  bool compare = false;    ///< of `compare --json`
  bool markdown = false;   ///< the keys of scenarios as text for people
};
int schema_command(const SchemaArguments& arguments);

struct InitArguments {
  std::string folder = ".";
};
int init_command(const InitArguments& arguments, const Context& context);

/// "path=value" words. @throws scenarios::InputError naming every word without a path
scenarios::Overrides parse_overrides(const std::vector<std::string>& words);
/// auto, always or never. @throws scenarios::InputError for any other word
Colour parse_colour(const std::string& word);
/// @throws scenarios::InputError unless it is a whole number below 2^64
std::uint64_t parse_seed(const std::string& text);

}  // namespace seqlab::analysis

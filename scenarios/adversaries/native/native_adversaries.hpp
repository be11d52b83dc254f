// Adversaries in C++, for campaigns that run millions of cases: `script: native:NAME`. Same hooks, same grants, same
// budgets as a Lua script.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "scenarios/hooks/adversary.hpp"
#include "scenarios/hooks/lua_host.hpp"

namespace seqlab::scenarios {

struct NativeEntry {
  std::string_view name;
  std::string_view text;  ///< one line
  /// @throws InputError for parameters that it does not have
  std::unique_ptr<Adversary> (*make)(const AdversarySpec& spec, const ScriptWorld& world);
};

/// All of them, by name. No registration: a plain list.
std::span<const NativeEntry> native_adversaries();

std::unique_ptr<Adversary> make_old_l1_block(const AdversarySpec& spec, const ScriptWorld& world);
std::unique_ptr<Adversary> make_omit_forced(const AdversarySpec& spec, const ScriptWorld& world);
std::unique_ptr<Adversary> make_silent(const AdversarySpec& spec, const ScriptWorld& world);
std::unique_ptr<Adversary> make_random_byzantine(const AdversarySpec& spec, const ScriptWorld& world);

}  // namespace seqlab::scenarios

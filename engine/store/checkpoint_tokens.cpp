// SPDX-License-Identifier: Apache-2.0
#include "engine/store/checkpoint_tokens.hpp"

#include <algorithm>

namespace orrery::engine {

void Tokens::visit(void* context, std::string_view name) {
  auto& tokens = *static_cast<Tokens*>(context);
  const uint64_t token =
      std::max(token_of_checkpoint(name, tokens.prefix_), token_of_index(name, tokens.prefix_));
  if (token == 0 || name != tokens.name_(tokens.prefix_, token).view()) return;
  if (tokens.count_ < tokens.all_.size()) tokens.all_[tokens.count_] = token;
  ++tokens.count_;
}

Result<Tokens> list_tokens(const Runtime& runtime, const StoreOptions& store, NameOfToken name) {
  Tokens tokens;
  tokens.prefix_ = store.prefix;
  tokens.name_ = name;
  TRY(runtime.storage.list(store.prefix, &Tokens::visit, &tokens));
  const size_t count = tokens.count_;
  if (count == 0) return tokens;
  TRY_ASSIGN(tokens.all_, Array<uint64_t>::make(runtime.memory, count, "checkpoint tokens"));
  tokens.count_ = 0;
  TRY(runtime.storage.list(store.prefix, &Tokens::visit, &tokens));
  CHECK(tokens.count_ == count, "checkpoints come and go while they are listed");
  return tokens;
}

}  // namespace orrery::engine

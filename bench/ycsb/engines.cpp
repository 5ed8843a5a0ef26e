// SPDX-License-Identifier: Apache-2.0
// The engines that this build can measure. Those of others are optional: without their library
// there is no row.
#include "bench/ycsb/orrery_engine.hpp"
#include "bench/ycsb/others.hpp"

namespace orrery::bench {

std::span<const EngineRow> engines() {
  static const EngineRow kEngines[] = {
      {"orrery",
       [](const EngineOptions& options) -> std::unique_ptr<Engine> {
         return OrreryEngine::open(options, store_options(options));
       }},
#ifdef ORRERY_HAS_ROCKSDB
      {"rocksdb", &open_rocksdb},
#endif
#ifdef ORRERY_HAS_LEVELDB
      {"leveldb", &open_leveldb},
#endif
  };
  return kEngines;
}

}  // namespace orrery::bench

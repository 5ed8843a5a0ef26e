// SPDX-License-Identifier: Apache-2.0
// A fiber switch of our own for x86-64 (System V), to be measured beside Boost.Context's
// (docs/adr/0001-fibers.md). That of sim/fiber.cpp also hands over who switched.
//
// It saves the registers that a call preserves, and nothing else: MXCSR and the x87 control word
// are shared by all fibers. It ends in a jump, not in a return, which the processor would predict
// wrong.
#pragma once

#if defined(__x86_64__)

#include <cstddef>
#include <cstdint>

namespace orrery::bench {

/// Saves this place in *save and goes on at `target`.
extern "C" void orrery_own_switch(void** save, void* target);

asm(R"(
.text
.p2align 4
.type orrery_own_switch,@function
orrery_own_switch:
  .cfi_startproc
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmpq *%rcx
  .cfi_endproc
.size orrery_own_switch,.-orrery_own_switch
)");

/// A place from which `entry` starts, on the stack that ends at `top`.
inline void* own_prepare(std::byte* top, void (*entry)()) {
  auto* at = reinterpret_cast<uintptr_t*>(reinterpret_cast<uintptr_t>(top) & ~uintptr_t{15});
  *--at = 0;  // what entry would return to: nothing
  *--at = reinterpret_cast<uintptr_t>(entry);
  for (int i = 0; i < 6; ++i) *--at = 0;
  return at;
}

}  // namespace orrery::bench

#endif

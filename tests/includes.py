# SPDX-License-Identifier: Apache-2.0
"""The rules of tidy.py that each file includes what it says.

Compilers hardly see that: the builds read many sources as one, and then a file has what its
neighbours include (docs/adr/0009). So a name of the standard library, and a type of ours, needs its
header among what the file includes, or among what the headers of ours include that it includes.
Bodies of macros and what stands behind an #else are not looked at.
"""
import re

# Header -> the names that it promises, of those that code like ours says.
PROMISED = {
    "algorithm": r"std::(?:min|max|minmax|clamp|(?:min|max|minmax)_element|(?:is_)?sort(?:ed\w*)?"
                 r"|stable_\w+|partial_sort|nth_element|find|find_\w+|adjacent_find|search|count"
                 r"|count_if|(?:any|all|none)_of|for_each|copy(?:_n|_if|_backward)?|fill|fill_n"
                 r"|generate|transform|replace|replace_if|remove|remove_if|reverse|rotate|unique"
                 r"|partition|partition_\w+|(?:lower|upper)_bound|equal_range|binary_search|equal"
                 r"|mismatch|lexicographical_\w+|merge|set_(?:union|difference|intersection)"
                 r"|(?:push|pop|make)_heap|next_permutation|ranges::(?:equal|sort|find\w*))",
    "array": r"std::(?:array|to_array)",
    "atomic": r"std::(?:atomic\w*|memory_order\w*)",
    "bit": r"std::(?:bit_\w+|count[lr]_\w+|has_single_bit|popcount|rot[lr]|endian)",
    "charconv": r"std::(?:from|to)_chars",
    "chrono": r"std::chrono\w*",
    "cmath": r"std::(?:pow|sqrt|log|log2|log10|exp|floor|ceil|l?l?round|isnan|isfinite|fabs)",
    "condition_variable": r"std::condition_variable\w*",
    "cstddef": r"std::(?:byte|ptrdiff_t|max_align_t|nullptr_t)",
    "cstdint": r"(?:std::)?u?int(?:8|16|32|64|ptr)_t",
    "cstdlib": r"std::(?:getenv|abort|exit|free|malloc|calloc|aligned_alloc|strto\w+|system|ato\w)",
    "cstring": r"std::(?:mem(?:cpy|set|cmp|move|chr)|str(?:len|n?cmp|n?cpy|r?chr|str|error|tok))",
    "deque": r"std::deque",
    "exception": r"std::(?:set_terminate|terminate\w*|exception\w*)",
    "filesystem": r"std::filesystem",
    "fmt/format.h": r"fmt::\w+",
    "fstream": r"std::[io]?fstream",
    "functional": r"std::(?:function|less|greater|plus|minus|c?ref|invoke|bind|not_fn|identity"
                  r"|equal_to|reference_wrapper)",
    "limits": r"std::numeric_limits",
    "map": r"std::(?:multi)?map",
    "memory": r"std::(?:unique_ptr|make_unique\w*|addressof|construct_at|destroy_\w+|to_address"
              r"|uninitialized_\w+|align|default_delete)",
    "mutex": r"std::(?:\w*mutex|lock_guard|unique_lock|scoped_lock|once_flag|call_once)",
    "new": r"std::(?:bad_alloc|nothrow\w*|align_val_t|launder)",
    "optional": r"std::(?:optional|nullopt|make_optional)",
    "ostream": r"std::(?:ostream|endl|flush)",
    "set": r"std::(?:multi)?set",
    "span": r"std::(?:span|as_bytes|as_writable_bytes|dynamic_extent)",
    "sstream": r"std::[io]?stringstream",
    "stdexcept": r"std::(?:logic|runtime|range|domain|length)_error|std::(?:out_of_range"
                 r"|invalid_argument)",
    "string": r"std::(?:string|to_string|sto(?:i|l|ll|ul|ull|d|f)|getline|char_traits)",
    "string_view": r"std::string_view",
    "system_error": r"std::(?:err(?:c|or_code)|system_error|\w+_category)",
    "thread": r"std::(?:thread|this_thread)",
    "tuple": r"std::(?:tuple|make_tuple|tie)",
    "type_traits": r"std::(?:is_\w+_v|(?:enable_if|conditional|decay|make_(?:un)?signed)_t)",
    "utility": r"std::(?:move|forward|exchange|swap|pair|make_pair|as_const|declval|in_place\w*"
               r"|(?:make_)?(?:index|integer)_sequence|piecewise_construct|cmp_\w+|in_range)",
    "vector": r"std::vector",
}
# Header -> others that are known to bring what is said of it along, wherever we build.
BROUGHT_BY = {
    "cstddef": {"span", "stddef.h"},
    "cstdint": {"stdint.h"},
    "cstdlib": {"stdlib.h"},
    "ostream": {"iostream", "sstream", "fstream"},
    "string_view": {"string"},
    "system_error": {"filesystem", "charconv"},
    "utility": {"algorithm", "map"},
}

WORDS = r"(?:\[\[.*?\]\]\s*|alignas\([^)]*\)\s*|ORRERY_\w+(?:\([^)]*\))?\s+)*"
TYPE = r"\b(?:enum class|class|struct|enum|union|using|concept|typename)\s+" + WORDS + r"(\w+)"
ANY_TYPE = re.compile(TYPE)
# In a header: for all who include it; and what only says that there is such a type.
SHARED_TYPE = re.compile(r"^(?:template <.*>\s)?" + TYPE + r"(?: final)?\s*(?!::)[:{=]", re.M)
DECLARED_TYPE = re.compile(r"^" + TYPE + ";", re.M)
SAID_TYPE = re.compile(r"(?<![\w:.>])(?:(?:orrery|engine|sim|faults|scenarios|reports|fuzz|cli"
                       r"|bench|tests)::)*([A-Z]\w*[a-z]\w*)\b")


def check_includes(tree):
    """Yields each violation as the checks of tidy.py do. tree: path -> File."""
    code = {path: file for path, file in tree.items() if file.is_code}
    # Path -> the paths of that file, and of every header of ours that it, or one of them, includes.
    reached = {path: reached_from(path, code) for path in code}
    yield from check_promised(code, reached)
    yield from check_own(code, reached)


def check_promised(code, reached):
    for path, file in code.items():
        included = set().union(*(names_of(code[one], "<") for one in reached[path]))
        for header, names in PROMISED.items():
            if ({header} | BROUGHT_BY.get(header, set())) & included:
                continue
            match = re.search(rf"(?<![\w:])(?:{names})\b", file.code)
            if match:
                yield (file, file.line(match.start()), "include_std",
                       f"says {match[0]}, which only others include; include <{header}>")


def check_own(code, reached):
    """To a header it may be enough that there is such a type; a source wants what it is."""
    homes, said, defined = {}, {}, {}  # type -> headers; path -> types
    for path, file in code.items():
        said[path] = set(ANY_TYPE.findall(file.code))
        shared = set(SHARED_TYPE.findall(file.code))
        defined[path] = said[path] - (set(DECLARED_TYPE.findall(file.code)) - shared)
        if file.suffix == ".hpp":
            for name in shared:
                homes.setdefault(name, []).append(path)
    for path, file in code.items():
        known = said if file.suffix == ".hpp" else defined
        have = said[path].union(*(known[one] for one in reached[path]))
        for match in SAID_TYPE.finditer(file.code):
            if match[1] in homes and match[1] not in have:
                have.add(match[1])
                yield (file, file.line(match.start(1)), "include_own",
                       f'says {match[1]}; include {" or ".join(sorted(homes[match[1]]))}')


def reached_from(path, code):
    seen, todo = set(), [path]
    while todo:
        path = todo.pop()
        if path not in seen and path in code:
            seen.add(path)
            todo += names_of(code[path], '"')
    return seen


def names_of(file, sign):
    """What a file includes in such brackets or quotes."""
    return {match.group(2) for match in file.includes if match.group(1) == sign}

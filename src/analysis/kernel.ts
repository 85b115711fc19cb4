/**
 * What Elixir brings into every module: the functions and macros of `Kernel`, by `name/arity`, and the special forms,
 * which are no calls. Operators and sigils are absent on purpose: they are syntax to a reader and are not listed as
 * calls. Taken from Elixir 1.14, with the few names that later versions added.
 */

const KERNEL = `
abs/1 apply/2 apply/3 binary_part/3 binary_slice/2 binary_slice/3 bit_size/1 byte_size/1 ceil/1 div/2 elem/2 exit/1
floor/1 function_exported?/3 get_and_update_in/2 get_and_update_in/3 get_in/1 get_in/2 hd/1 inspect/1 inspect/2 is_atom/1
is_binary/1 is_bitstring/1 is_boolean/1 is_float/1 is_function/1 is_function/2 is_integer/1 is_list/1 is_map/1
is_map_key/2 is_number/1 is_pid/1 is_port/1 is_reference/1 is_tuple/1 length/1 macro_exported?/3 make_ref/0 map_size/1
max/2 min/2 node/0 node/1 not/1 pop_in/1 pop_in/2 put_elem/3 put_in/2 put_in/3 rem/2 round/1 self/0 send/2 spawn/1
spawn/3 spawn_link/1 spawn_link/3 spawn_monitor/1 spawn_monitor/3 struct/1 struct/2 struct!/1 struct!/2 throw/1 tl/1
trunc/1 tuple_size/1 update_in/2 update_in/3 alias!/1 binding/0 binding/1 dbg/0 dbg/1 dbg/2 destructure/2 if/2
is_exception/1 is_exception/2 is_nil/1 is_struct/1 is_struct/2 match?/2 raise/1 raise/2 reraise/2 reraise/3 tap/2 then/2
to_char_list/1 to_charlist/1 to_string/1 unless/2 var!/1 var!/2 is_non_struct_map/1 to_timeout/1
`

/** `name/arity` of Kernel's functions and macros; definition forms and operators are not in it. */
export const kernelNames: ReadonlySet<string> = new Set(KERNEL.trim().split(/\s+/))

const ELIXIR = `
Access Agent Application ArgumentError ArithmeticError Atom BadArityError BadBooleanError BadFunctionError BadMapError
BadStructError Base Behaviour Bitwise Calendar CaseClauseError Code Collectable CompileError CondClauseError Config Date
DateTime Dict Duration DynamicSupervisor EEx Enum Enumerable ErlangError ExUnit Exception File Float Function
FunctionClauseError GenEvent GenServer HashDict HashSet IEx IO Inspect Integer JSON Kernel KeyError Keyword List Logger Macro
Map MapSet MatchError Mix Module NaiveDateTime Node OptionParser PartitionSupervisor Path Port Process Protocol Range Record
Regex Registry RuntimeError Set Stream String StringIO Supervisor SyntaxError System SystemLimitError Task Time
TokenMissingError TryClauseError Tuple URI UndefinedFunctionError UnicodeConversionError Version WithClauseError
`

/** First names of the modules that come with Elixir: nobody's alias is expected to take them. */
export const elixirModules: ReadonlySet<string> = new Set(ELIXIR.trim().split(/\s+/))

/** Directives: forms of one or two arguments. */
export const directiveForms: ReadonlySet<string> = new Set(['alias', 'import', 'require', 'use'])

/** Forms that define or direct, and special forms: never listed as calls. */
export const silentForms: ReadonlySet<string> = new Set([
  'def', 'defp', 'defmacro', 'defmacrop', 'defguard', 'defguardp', 'defdelegate', 'defmodule', 'defprotocol', 'defimpl',
  'defstruct', 'defexception', 'defoverridable', 'alias', 'import', 'require', 'use', 'quote', 'unquote',
  'unquote_splicing', 'case', 'cond', 'with', 'for', 'receive', 'try', '__block__', '__aliases__', '__MODULE__', '__DIR__',
  '__ENV__', '__CALLER__', '__STACKTRACE__', '_',
])

/**
 * Modules of Elixir itself whose `use` neither imports anything nor takes anything of Kernel away, so that bare names
 * mean afterwards what they meant before. (`ExUnit.Case` imports, but leaves Kernel as it is.)
 */
export const inertUses: ReadonlySet<string> = new Set([
  'GenServer', 'Supervisor', 'DynamicSupervisor', 'Agent', 'Application', 'Task', 'GenEvent', 'Mix.Task', 'Mix.Project',
  'Config.Provider', 'Exception',
])

export const kernelKeepingUses: ReadonlySet<string> = new Set(['ExUnit.Case', 'ExUnit.CaseTemplate', 'Bitwise'])

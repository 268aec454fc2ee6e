-- What a health check or an action sees, and nothing else: Lua 5.1 with `goto`, the libraries string,
-- table and math, of os only time and date. Returns run(source, obj) for health checks and
-- evaluate(source, obj, params) for actions, which never raise.
--
-- Each run has tables of its own, so that no check changes what the next one sees. `pairs` goes
-- through keys in their order, so that an answer never depends on how a table lies in memory.

jit.off()

local load, setmetatable, getmetatable, pcall, error = load, setmetatable, getmetatable, pcall, error
local type, next, tostring, rawget, select = type, next, tostring, rawget, select
local sort, lower, find, gsub = table.sort, string.lower, string.find, string.gsub
local format, byte, sub = string.format, string.byte, string.sub
local MESSAGE_BYTES = 16384

-- Strings of all runs share one metatable: what it leads to is a table that nobody can reach.
string.dump = nil
local text_methods = {}
for name, method in next, string do text_methods[name] = method end
local text_meta = getmetatable("")
text_meta.__index = function(_, key) return text_methods[key] end
text_meta.__metatable = false

local RANKS = {number = 1, string = 2}

local function before(one, other)
  local rank, other_rank = RANKS[type(one)] or 3, RANKS[type(other)] or 3
  if rank ~= other_rank or rank == 3 then return rank < other_rank end
  return one < other
end

local function ordered_pairs(given)
  if type(given) ~= "table" then
    error("bad argument #1 to 'pairs' (table expected, got " .. type(given) .. ")", 2)
  end
  local keys, count = {}, 0
  for key in next, given do
    count = count + 1
    keys[count] = key
  end
  sort(keys, before)
  local index = 0
  return function()
    while index < count do
      index = index + 1
      local key = keys[index]
      local value = rawget(given, key)
      if value ~= nil then return key, value end
    end
  end, given, nil
end

local function copy(library)
  local made = {}
  for name, value in next, library do made[name] = value end
  return made
end

local function environment(obj, params)
  local libraries = {
    string = copy(text_methods),
    table = copy(table),
    math = copy(math),
    os = {time = os.time, date = os.date},
  }
  local env = {
    _VERSION = _VERSION, assert = assert, error = error, getmetatable = getmetatable,
    ipairs = ipairs, next = next, pairs = ordered_pairs, pcall = pcall, rawequal = rawequal,
    rawget = rawget, rawset = rawset, select = select, setmetatable = setmetatable,
    tonumber = tonumber, tostring = tostring, type = type, unpack = unpack, xpcall = xpcall,
    print = function() end,
    require = function(name)
      local library = libraries[name]
      if library == nil then error("module '" .. tostring(name) .. "' is not for health checks", 2) end
      return library
    end,
    obj = obj,
    actionParams = params,
  }
  for name, library in next, libraries do env[name] = library end
  env._G = env
  return env
end

-- Hexadecimal, since Lua's text may be no UTF-8.
local function hex(text)
  return (gsub(sub(text, 1, MESSAGE_BYTES), ".", function(one) return format("%02x", byte(one)) end))
end

-- A field as JSON would be read into a record: its own name, else one that differs in case.
local function field(answer, name)
  local found = rawget(answer, name)
  if found == nil then
    for key, value in ordered_pairs(answer) do
      if type(key) == "string" and lower(key) == lower(name) then found = value end
    end
  end
  if type(found) == "number" or type(found) == "boolean" then found = tostring(found) end
  return type(found) == "string" and hex(found) or ""
end

-- (kind of answer, then its parts): error message | nothing | other type | empty | health status
-- message deletionMessage.
local function judge(...)
  local answer = select(select("#", ...), ...)
  if answer == nil then return "nothing" end
  if type(answer) ~= "table" then return "other", hex(type(answer)) end
  if next(answer) == nil then return "empty" end
  local said, status = "health", field(answer, "status")
  return said, status, field(answer, "message"), field(answer, "deletionMessage")
end

local function last(...)
  if select("#", ...) == 0 then return nil end
  return (select(select("#", ...), ...))
end

local function attempt(source, obj, params)
  local check, refused = load(source, "=check", "t", environment(obj, params))
  if check == nil then error(refused, 0) end
  return last(check())
end

local function broken(answer)
  local said = type(answer) == "string" and answer or "(the error is a " .. type(answer) .. ")"
  return "error", hex(said)
end

local function run(source, obj)
  local ran, answer = pcall(attempt, source, obj, {})
  if not ran then return broken(answer) end
  local read, kind, first, second, third = pcall(judge, answer)
  if not read then return "error", hex(tostring(kind)) end
  return kind, first or "", second or "", third or ""
end

-- What an action answered, as it is.
local function evaluate(source, obj, params)
  local ran, answer = pcall(attempt, source, obj, params)
  if not ran then return broken(answer) end
  return "value", answer
end

return run, evaluate

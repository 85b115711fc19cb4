#!/usr/bin/env escript
%% -*- erlang -*-
%% Erlang's own processes under the scripts of actor-links.differential.test.ts: reads a file of terms {N, {Traps, Ops}}, runs
%% all scripts at once, and prints one line each: its number, a tab, and for each op what was heard and who ended, sorted.
-mode(compile).
-export([main/1]).

main([File]) ->
    logger:set_primary_config(level, none),
    {ok, Scripts} = file:consult(File),
    Self = self(),
    [spawn_link(fun() -> Self ! {N, run(Script)} end) || {N, Script} <- Scripts],
    [receive {N, Steps} -> io:format("~b\t~ts~n", [N, lists:join(" | ", Steps)]) end || {N, _} <- Scripts],
    ok.

run({Traps, Ops}) ->
    Witness = self(),
    Pids = maps:from_list([{Id, start(Id, Trap, Witness)} || {Id, Trap} <- Traps]),
    Names = maps:from_list([{Pid, Id} || {Id, Pid} <- maps:to_list(Pids)]),
    [Pid ! {names, Pids, Names} || Pid <- maps:values(Pids)],
    [step(Op, Pids, Names) || Op <- Ops].

start(Id, Trap, Witness) ->
    {Pid, _} = spawn_monitor(fun() ->
        process_flag(trap_exit, Trap),
        Witness ! {ready, self()},
        receive {names, Pids, Names} -> loop({Id, Witness, Pids, Names}, #{}) end
    end),
    receive {ready, Pid} -> Pid end.

step({Who, Op}, Pids, Names) ->
    maps:get(Who, Pids) ! {do, Op},
    [settle(Pid) || _ <- lists:seq(1, 3 * maps:size(Pids)), Pid <- maps:values(Pids)],
    lists:join("; ", lists:sort(heard(Names))).

%% Whoever has answered, or is known to be gone, has taken what was sent before; an end is passed on along links, one after the other.
settle(Pid) ->
    Ref = monitor(process, Pid),
    Pid ! {ping, self(), Ref},
    receive {pong, Ref} -> demonitor(Ref, [flush]); {'DOWN', Ref, _, _, _} -> erlang:yield() end.

heard(Names) ->
    receive
        {heard, Text} -> [lists:flatten(Text) | heard(Names)];
        {'DOWN', _, process, Pid, Reason} -> [lists:flatten([name(Pid, Names), " ended: ", show(Reason)]) | heard(Names)]
    after 0 -> []
    end.

loop(State = {Id, Witness, Pids, Names}, Monitors) ->
    receive
        {do, Op} -> loop(State, do(Op, Pids, Monitors));
        {ping, From, Ref} -> From ! {pong, Ref}, loop(State, Monitors);
        {'EXIT', From, Reason} ->
            Witness ! {heard, [atom_to_list(Id), " hears exit of ", name(From, Names), ": ", show(Reason)]},
            loop(State, Monitors);
        {'DOWN', _, process, From, Reason} ->
            Witness ! {heard, [atom_to_list(Id), " hears down of ", name(From, Names), ": ", show(Reason)]},
            loop(State, Monitors)
    end.

%% A link to nobody raises noproc in who does not trap exits: an end with that reason and a stack.
do({link, Id}, Pids, Monitors) -> try link(maps:get(Id, Pids)) catch error:noproc -> exit(noproc) end, Monitors;
do({unlink, Id}, Pids, Monitors) -> unlink(maps:get(Id, Pids)), Monitors;
do({monitor, Id}, Pids, Monitors) ->
    Ref = monitor(process, maps:get(Id, Pids)),
    maps:update_with(Id, fun(Refs) -> [Ref | Refs] end, [Ref], Monitors);
do({demonitor, Id}, _, Monitors) ->
    [demonitor(Ref, [flush]) || Ref <- maps:get(Id, Monitors, [])],
    maps:remove(Id, Monitors);
do({exit, Id, Reason}, Pids, Monitors) -> exit(maps:get(Id, Pids), Reason), Monitors;
do({both, First, Second}, Pids, Monitors) -> do(Second, Pids, do(First, Pids, Monitors));
do({stop, Reason}, _, _) -> exit(Reason).

name(Pid, Names) -> atom_to_list(maps:get(Pid, Names)).

show({exit_code, N}) -> io_lib:format("{exit_code, ~b}", [N]);
show(Reason) -> atom_to_list(Reason).

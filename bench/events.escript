#!/usr/bin/env escript
%% -*- erlang -*-
%% A store of events in six ETS tables, fed in-process: `set` by id, ordered_set by {time, id}, and four duplicate_bag indexes
%% (pid, function, correlation, node). Prints: events, events per second of processor time, bytes per event.
-mode(compile).
-export([main/1]).

-define(EVENTS, 500000).

main(_) ->
    Tables = {ets:new(events, [set, public]), ets:new(time, [ordered_set, public]), bag(pid), bag(mfa), bag(corr), bag(node)},
    Pids = list_to_tuple([spawn(fun() -> ok end) || _ <- lists:seq(1, 400)]),
    Functions = list_to_tuple([{list_to_atom("Elixir.Shop.Context" ++ integer_to_list(I div 10)), list_to_atom("handle_thing_" ++ integer_to_list(I)), I rem 4} || I <- lists:seq(1, 300)]),
    Nodes = list_to_tuple([iolist_to_binary(["Shop.Context", integer_to_list(I), ".run/1#1/Worker.call"]) || I <- lists:seq(1, 600)]),
    rand:seed(exsss, {1, 2, 3}),
    Events = [event(I, Pids, Functions, Nodes) || I <- lists:seq(1, ?EVENTS)],
    {From, _} = erlang:statistics(runtime),
    lists:foreach(fun(Event) -> store(Tables, Event) end, Events),
    {To, _} = erlang:statistics(runtime),
    Seconds = (To - From) / 1.0e3,
    Words = lists:sum([ets:info(T, memory) || T <- tuple_to_list(Tables)]),
    io:format("~b ~b ~b~n", [?EVENTS, round(?EVENTS / Seconds), Words * erlang:system_info(wordsize) div ?EVENTS]).

bag(Name) -> ets:new(Name, [duplicate_bag, public]).

event(I, Pids, Functions, Nodes) ->
    Pid = element(rand:uniform(400), Pids),
    Mfa = element(rand:uniform(300), Functions),
    Node = element(rand:uniform(600), Nodes),
    {I, 1790000000000000000 + I * 1500, call, Pid, Mfa, I div 100, Node, undefined}.

store({Events, Time, ByPid, ByMfa, ByCorr, ByNode}, {Id, At, _, Pid, Mfa, Corr, Node, _} = Event) ->
    ets:insert(Events, Event),
    ets:insert(Time, {{At, Id}}),
    ets:insert(ByPid, {Pid, Id}),
    ets:insert(ByMfa, {Mfa, Id}),
    ets:insert(ByCorr, {Corr, Id}),
    ets:insert(ByNode, {Node, Id}).

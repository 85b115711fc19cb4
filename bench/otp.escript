#!/usr/bin/env escript
%% -*- erlang -*-
%% The operations of otp.ts on Erlang itself: one line each, a name and its samples' p50, p95, p99 in microseconds.
-mode(compile).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2, start_link/1]).

main(_) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    {ok, Pid} = gen_server:start_link({local, echo}, ?MODULE, echo, []),
    timed("actor_call_us", 50000, 5000, fun() -> gen_server:call(Pid, x) end),
    Raw = spawn_link(fun Loop() -> receive {From, X} -> From ! X, Loop() end end),
    timed("thread_round_trip_us", 20000, 2000, fun() -> Raw ! {self(), x}, receive x -> ok end end),
    gen_server:stop(Pid),
    {ok, Sup} = supervisor:start_link(?MODULE, {sup, 1}),
    timed("actor_restart_us", 5000, 500, fun() -> exit(whereis(name(1)), kill), answer() end),
    stop(Sup),
    [children(N) || N <- [10000, 1000]],
    timed("thread_restart_us", 10, 0, fun node_restart/0),
    ok.

%% A thread is what a node is here: one that ends and is started again until it answers.
node_restart() ->
    {ok, Peer, _} = peer:start(#{connection => standard_io}),
    true = is_atom(peer:call(Peer, erlang, node, [])),
    peer:stop(Peer).

answer() ->
    try gen_server:call(name(1), x) of x -> ok catch exit:_ -> answer() end.

children(N) ->
    From = now_ns(),
    {ok, Sup} = supervisor:start_link(?MODULE, {sup, N}),
    Started = now_ns(),
    stop(Sup),
    io:format("children_~b ~b ~b 0~n", [N, round((Started - From) / 1.0e3), round((now_ns() - Started) / 1.0e3)]).

stop(Sup) ->
    exit(Sup, shutdown),
    receive {'EXIT', Sup, _} -> ok end.

timed(Name, N, Warmup, Fun) ->
    Samples = [begin From = now_ns(), Fun(), now_ns() - From end || _ <- lists:seq(1, N)],
    Sorted = list_to_tuple(lists:sort(lists:nthtail(Warmup, Samples))),
    At = fun(Share) -> element(1 + trunc((size(Sorted) - 1) * Share), Sorted) / 1.0e3 end,
    io:format("~s ~.2f ~.2f ~.2f~n", [Name, At(0.5), At(0.95), At(0.99)]).

now_ns() -> erlang:monotonic_time(nanosecond).

name(N) -> list_to_atom("child_" ++ integer_to_list(N)).

start_link(N) -> gen_server:start_link({local, name(N)}, ?MODULE, echo, []).

init({sup, N}) ->
    {ok, {#{intensity => 1000000}, [#{id => I, start => {?MODULE, start_link, [I]}} || I <- lists:seq(1, N)]}};
init(echo) -> {ok, echo}.

handle_call(X, _From, State) -> {reply, X, State}.
handle_cast(_, State) -> {noreply, State}.

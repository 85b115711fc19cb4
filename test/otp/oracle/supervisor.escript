#!/usr/bin/env escript
%% -*- erlang -*-
%% OTP's own supervisor under the scripts of supervisor.differential.test.ts. Reads a file of terms, one script each, runs
%% all of them at once so that their waits overlap, and prints one line per script: its number, a tab, and its steps, each
%% `answer; event, event`, separated by ` | `. Events come from a table with a counter, so their order is that of causes.
-mode(compile).
-behaviour(supervisor).
-export([main/1, init/1, start_sup/3, start_worker/3, start_worker/4]).

main([File]) ->
    logger:set_primary_config(level, none),
    {ok, Scripts} = file:consult(File),
    Self = self(),
    [spawn_link(fun() -> Self ! {N, run(Script)} end) || {N, Script} <- Scripts],
    [receive {N, Lines} -> io:format("~b\t~ts~n", [N, lists:join(" | ", Lines)]) end || {N, _} <- Scripts],
    ok.

run({Flags, Children, Ops}) ->
    process_flag(trap_exit, true),
    Tab = ets:new(trace, [ordered_set, public]),
    ets:insert(Tab, [{counter, 0}, {{sup, root}, undefined}]),
    Start = case supervisor:start_link(?MODULE, {Tab, Flags, Children}) of
        {ok, Root} -> ets:insert(Tab, {{sup, root}, Root}), "up";
        {error, Reason} -> receive {'EXIT', _, _} -> ok after 0 -> ok end, show(Reason)
    end,
    First = step(Tab, Start),
    First ++ lists:flatmap(fun(Op) -> settle(Tab), Answer = do(Tab, Op), settle(Tab), step(Tab, Answer) end, Ops ++ [stop]).

step(Tab, Answer) ->
    Events = [Text || {N, Text} <- ets:tab2list(Tab), is_integer(N)],
    [ets:delete(Tab, N) || {N, _} <- ets:tab2list(Tab), is_integer(N)],
    [[Answer, "; ", lists:join(", ", Events), "; ", lists:join(" ", living(Tab))]].

note(Tab, Text) ->
    ets:insert(Tab, {ets:update_counter(Tab, counter, 1), Text}).

living(Tab) ->
    lists:sort([atom_to_list(Id) || {{pid, Id}, Pid} <- ets:tab2list(Tab), is_process_alive(Pid)]).

%% Supervisors and workers. Behaviour: {Starts, OnStop}.

init({Tab, {Strategy, Intensity, Period, Auto}, Children}) ->
    {ok, {#{strategy => Strategy, intensity => Intensity, period => Period, auto_shutdown => Auto}, [spec(Tab, C) || C <- Children]}}.

spec(Tab, {Id, Restart, Shutdown, Significant, {sup, Flags, Children}}) ->
    #{id => Id, start => {?MODULE, start_sup, [Tab, Id, {Flags, Children}]}, restart => Restart, shutdown => Shutdown,
      significant => Significant, type => supervisor};
spec(Tab, {Id, Restart, Shutdown, Significant, Behaviour}) ->
    #{id => Id, start => {?MODULE, start_worker, [Tab, Id, Behaviour]}, restart => Restart, shutdown => Shutdown,
      significant => Significant}.

start_sup(Tab, Id, {Flags, Children}) ->
    note(Tab, ["start ", atom_to_list(Id)]),
    case supervisor:start_link(?MODULE, {Tab, Flags, Children}) of
        {ok, Pid} -> ets:insert(Tab, {{sup, Id}, Pid}), {ok, Pid};
        Error -> Error
    end.

start_worker(Tab, _Template, Behaviour, Id) -> start_worker(Tab, Id, Behaviour).

start_worker(Tab, Id, {Starts, OnStop}) ->
    Life = ets:update_counter(Tab, {life, Id}, 1, {{life, Id}, 0}),
    Answer = lists:nth(min(Life, length(Starts)), Starts),
    note(Tab, ["start ", atom_to_list(Id), case Answer of ok -> ""; _ -> [" ", atom_to_list(Answer)] end]),
    case Answer of
        fail -> {error, boom};
        ignore -> ignore;
        ok ->
            {Self, Ref} = {self(), make_ref()},
            Pid = spawn_link(fun() -> process_flag(trap_exit, true), Self ! Ref, loop(Tab, Id, OnStop) end),
            receive Ref -> ok end,
            ets:insert(Tab, {{pid, Id}, Pid}),
            {ok, Pid}
    end.

loop(Tab, Id, OnStop) ->
    receive
        {crash, Reason} -> exit(Reason);
        {'EXIT', _, Reason} ->
            %% Whoever lingers is silent: its deadline may pass before it runs at all.
            OnStop =:= linger orelse note(Tab, ["stop ", atom_to_list(Id)]),
            case OnStop of
                obey -> exit(Reason);
                boom -> exit(boom);
                linger -> loop(Tab, Id, OnStop)
            end
    end.

%% Operations

do(_Tab, {wait, Ms}) -> timer:sleep(Ms), "";
do(Tab, {crash, Id, Reason}) ->
    case find(Tab, {pid, Id}) of
        undefined -> "";
        Pid -> crash(Pid, Reason), gone(Pid), ""
    end;
do(Tab, stop) ->
    case find(Tab, {sup, root}) of
        undefined -> "";
        Root -> exit(Root, shutdown), gone(Root), ""
    end;
do(Tab, {ask, Sup, Request}) -> ask(find(Tab, {sup, Sup}), Tab, Request);
do(Tab, {burst, Sup, Ops}) ->
    case find(Tab, {sup, Sup}) of
        undefined -> "";
        Pid ->
            sys:suspend(Pid),
            Answers = [queued(Pid, fun() -> later(Tab, Pid, Op) end) || Op <- Ops],
            sys:resume(Pid),
            lists:join(" ", [receive {answer, Ref, Text} -> Text end || Ref <- Answers])
    end.

%% Runs Fun and waits until what it sends has reached the mailbox of Pid.
queued(Pid, Fun) ->
    Before = queue(Pid),
    case Fun() of
        {none, Ref} -> Ref;
        Ref -> wait_until(fun() -> queue(Pid) > Before end), Ref
    end.

queue(Pid) -> {message_queue_len, N} = process_info(Pid, message_queue_len), N.

later(Tab, _Sup, {crash, Id, Reason}) ->
    Ref = make_ref(),
    self() ! {answer, Ref, ""},
    case find(Tab, {pid, Id}) of
        undefined -> {none, Ref};
        Pid -> crash(Pid, Reason), Ref
    end;
later(Tab, Sup, {ask, Request}) ->
    Ref = make_ref(),
    Self = self(),
    spawn(fun() -> Self ! {answer, Ref, ask(Sup, Tab, Request)} end),
    Ref.

crash(Pid, killed) -> exit(Pid, kill);
crash(Pid, Reason) -> Pid ! {crash, Reason}.

ask(undefined, _Tab, _Request) -> "gone";
ask(Sup, Tab, Request) ->
    try
        case Request of
            which -> lists:join(" ", [which(C) || C <- supervisor:which_children(Sup)]);
            which_sorted -> lists:join(" ", lists:sort([lists:flatten(which(C)) || C <- supervisor:which_children(Sup)]));
            count ->
                C = supervisor:count_children(Sup),
                io_lib:format("~b ~b ~b ~b", [proplists:get_value(K, C) || K <- [specs, active, supervisors, workers]]);
            {start, Child} -> show_start(supervisor:start_child(Sup, spec(Tab, Child)));
            {start_dynamic, Id} -> show_start(supervisor:start_child(Sup, [Id]));
            {restart, Id} -> show_start(supervisor:restart_child(Sup, Id));
            {terminate, Id} -> show_done(supervisor:terminate_child(Sup, Id));
            {terminate_dynamic, Id} ->
                case ets:lookup(Tab, {pid, Id}) of
                    [] -> "nobody";
                    [{_, Pid}] -> show_done(supervisor:terminate_child(Sup, Pid))
                end;
            {delete, Id} -> show_done(supervisor:delete_child(Sup, Id))
        end
    catch exit:_ -> "gone"
    end.

which({Id, Child, Type, _}) ->
    [atom_to_list(Id), ":", case Child of undefined -> "undefined"; restarting -> "restarting"; _ -> "pid" end, ":", atom_to_list(Type)].

show_start({ok, undefined}) -> "ignored";
show_start({ok, _}) -> "ok";
show_start({error, {already_started, _}}) -> "already_started";
show_start({error, boom}) -> "failed boom";
show_start({error, {boom, {child, _, _, _, _, _, _, _, _}}}) -> "failed boom";
show_start({error, {{shutdown, _} = Reason, {child, _, _, _, _, _, _, _, _}}}) -> ["failed ", show(Reason)];
show_start({error, {shutdown, _} = Reason}) -> ["failed ", show(Reason)];
show_start({error, Reason}) -> show(Reason).

show_done(ok) -> "ok";
show_done({error, Reason}) -> show(Reason).

show(Reason) -> io_lib:format("~w", [Reason]).

find(Tab, Key) ->
    case ets:lookup(Tab, Key) of
        [{_, Pid}] when is_pid(Pid) -> case is_process_alive(Pid) of true -> Pid; false -> undefined end;
        _ -> undefined
    end.

%% Rest

gone(Pid) ->
    Ref = monitor(process, Pid),
    receive {'DOWN', Ref, process, Pid, _} -> ok end.

%% Every supervisor has heard of every end and no restart is under way. A supervisor that ends is waited for.
settle(Tab) -> wait_until(fun() -> lists:all(fun(Sup) -> at_rest(Tab, Sup) end, supervisors(Tab)) end), collect_root(Tab).

supervisors(Tab) -> [Pid || {{sup, _}, Pid} <- ets:tab2list(Tab), is_pid(Pid), is_process_alive(Pid)].

at_rest(Tab, Sup) ->
    try
        Alive = supervisors(Tab),
        Children = supervisor:which_children(Sup),
        lists:all(fun({_, restarting, _, _}) -> false;
                     ({_, undefined, _, _}) -> true;
                     ({_, Pid, _, _}) -> is_process_alive(Pid)
                  end, Children) andalso lists:all(fun is_process_alive/1, Alive) andalso settled_links(Sup)
    catch exit:_ -> false
    end.

%% An end that is on its way to the supervisor would still be in its mailbox; it has taken what came before our question.
settled_links(Sup) -> queue_or_zero(Sup) =:= 0.

queue_or_zero(Pid) ->
    case process_info(Pid, message_queue_len) of
        {message_queue_len, N} -> N;
        undefined -> 1
    end.

collect_root(Tab) ->
    [{_, Root}] = ets:lookup(Tab, {sup, root}),
    case is_pid(Root) andalso not is_process_alive(Root) of
        true ->
            receive {'EXIT', Root, Reason} -> note(Tab, ["root: ", show(Reason)]) end,
            ets:insert(Tab, {{sup, root}, undefined});
        false -> ok
    end.

wait_until(Done) ->
    case Done() of
        true -> ok;
        false -> receive after 1 -> ok end, wait_until(Done)
    end.

ExUnit.start(max_cases: 1, timeout: 30_000)

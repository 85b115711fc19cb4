import Config

config :shop,
  currency: :EUR,
  stock: 10_000,
  cache_ttl: :timer.minutes(5),
  rules: [Shop.Pricing.BulkDiscount, Shop.Pricing.Coupon]

# The load generator crashes processes on purpose; SHOP_LOG=error shows their reports.
config :logger, level: String.to_atom(System.get_env("SHOP_LOG", "critical"))

if config_env() == :test, do: config(:shop, cache_ttl: 50)

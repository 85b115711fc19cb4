/**
 * The vocabulary of generated projects. Nothing here is also a module of Elixir that generated code uses,
 * so that an alias never hides one.
 */

export const CONTEXTS = [
  'Accounts', 'Billing', 'Catalog', 'Shipping', 'Inventory', 'Orders', 'Payments', 'Messaging', 'Reporting', 'Search',
  'Support', 'Marketing', 'Analytics', 'Scheduling', 'Content', 'Media', 'Auditing', 'Loyalty', 'Pricing', 'Reviews',
  'Partners', 'Warehouse', 'Identity', 'Onboarding', 'Compliance', 'Forecasting', 'Returns', 'Subscriptions', 'Tracking', 'Vouchers',
] as const

export const QUALIFIERS = ['', 'Archive', 'Admin', 'Api', 'Import', 'Export', 'Sync', 'Legacy', 'Mobile', 'Partner', 'Global', 'Local', 'Batch', 'Stream'] as const

export const NOUNS = [
  'User', 'Invoice', 'Product', 'Parcel', 'Ticket', 'Campaign', 'Session', 'Address', 'Contract', 'Payment', 'Refund', 'Coupon', 'Report', 'Comment',
  'Profile', 'Account', 'Category', 'Shipment', 'Order', 'Basket', 'Review', 'Article', 'Membership', 'Device', 'Channel', 'Budget', 'Journal', 'Ledger',
  'Quota', 'Region', 'Segment', 'Survey', 'Template', 'Tenant', 'Token', 'Upload', 'Vendor', 'Visit', 'Voucher', 'Widget', 'Pipeline', 'Rating',
] as const

export const VERBS = [
  'fetch', 'list', 'build', 'create', 'update', 'archive', 'merge', 'split', 'count', 'rank', 'score', 'resolve', 'validate', 'normalize', 'format',
  'parse', 'import', 'export', 'publish', 'schedule', 'cancel', 'confirm', 'refresh', 'assign', 'release', 'compare', 'filter', 'group', 'collect',
  'expand', 'summarize', 'estimate', 'apply', 'revert', 'track', 'notify', 'attach', 'detach', 'check', 'load',
] as const

export const OBJECTS = [
  'record', 'entry', 'batch', 'status', 'total', 'balance', 'history', 'summary', 'change', 'draft', 'owner', 'member', 'label_set', 'line', 'page_view',
  'window', 'limit_set', 'rule', 'policy', 'event_log', 'snapshot', 'audit', 'digest', 'ranking', 'filter_set', 'group_key', 'priority', 'deadline',
  'reminder', 'attachment', 'reference', 'discount', 'tax_rate', 'threshold', 'metric', 'signal', 'preference', 'template_set', 'route', 'checksum',
] as const

export const ATOMS = ['active', 'pending', 'archived', 'draft', 'failed', 'blocked', 'expired', 'queued', 'open', 'closed'] as const
export const KEYS = ['state', 'source', 'region', 'currency', 'priority', 'weight', 'score', 'kind', 'locale', 'origin'] as const
export const TEXTS = ['unknown', 'not given', 'from the archive', 'see below', 'by hand', 'once a day', 'too late', 'in progress', 'on hold', 'done'] as const

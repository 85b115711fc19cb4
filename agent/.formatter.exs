[inputs: ["{mix,.formatter}.exs", "{lib,test,bench}/**/*.{ex,exs}"], line_length: 160, locals_without_parens: [list_of: :*]]

# The daemon in a container. Mount the project at /project and keep the state in a volume:
#
#   docker build -t elixir-scope .
#   docker run -d --restart on-failure --stop-timeout 45 -v "$PWD":/project:ro -v elixir-scope:/state \
#     -p 127.0.0.1:4040:4040 --name scope elixir-scope
#   docker exec scope elixir-scope show MyApp.Cart
#
# The daemon runs in the foreground: the restart policy does what heart does elsewhere (docs/OPERATIONS.md).
# Health and metrics are on port 4040, without authentication: publish it on the loopback only.

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production \
    ELIXIR_SCOPE_HOME=/state \
    ELIXIR_SCOPE_HTTP_HOST=0.0.0.0 \
    ELIXIR_SCOPE_HTTP_PORT=4040
COPY --from=build /build/package.json /opt/elixir-scope/package.json
COPY --from=build /build/bin/elixir-scope /opt/elixir-scope/bin/elixir-scope
COPY --from=build /build/node_modules /opt/elixir-scope/node_modules
COPY --from=build /build/dist /opt/elixir-scope/dist
RUN ln -s /opt/elixir-scope/bin/elixir-scope /usr/local/bin/elixir-scope \
 && mkdir -p /state /project \
 && chown node:node /state /project
USER node
WORKDIR /project
VOLUME /state
EXPOSE 4040
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD ["elixir-scope", "--project", "/project", "status"]
ENTRYPOINT ["elixir-scope"]
CMD ["start", "/project", "--foreground"]

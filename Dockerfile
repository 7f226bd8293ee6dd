# One image for every process of the shop; what it runs is its argument: `docker run stoa up order`, `docker run stoa verify`.
# docs/guides/compose.md shows a whole fleet.

# Readable for whoever runs it, whatever the umask of the clone was.
FROM debian:trixie-slim AS sources
COPY . /src
RUN chmod -R u+w,a+rX /src

# The package manifests alone, so that the layer with the packages is built again only when they change.
FROM sources AS manifests
# An empty volume takes the owner of the folder that it is mounted on: one for each service's certificate, and the authority's.
RUN mkdir -p -m 0700 /tls/ca && for service in /src/services/*/; do mkdir -m 0700 "/tls/$(basename "$service")"; done
RUN find /src -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete \
  && find /src -type d -empty -delete

# The Node of this stage only installs. What runs is the Node that package-lock.json pins, in the image as on every laptop.
FROM node:24-trixie-slim AS packages
WORKDIR /opt/stoa
COPY --from=manifests /src ./
# A fleet has a PostgreSQL of its own: the embedded one is all that is optional here. Of the pinned Node only the program is needed.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund && rm -rf node_modules/node/node_modules

FROM debian:trixie-slim
RUN groupadd --gid 10001 stoa \
  && useradd --uid 10001 --gid stoa --home-dir /var/lib/stoa --no-create-home --shell /usr/sbin/nologin stoa \
  && install -d -o stoa -g stoa -m 0700 /var/lib/stoa /opt/stoa-compiled
COPY --from=manifests --chown=10001:10001 /tls /var/lib/stoa-tls
COPY --from=packages /opt/stoa /opt/stoa
COPY --from=sources /src /opt/stoa
RUN ln -s /opt/stoa/cli/bin/stoa.mjs /usr/local/bin/stoa
ENV PATH=/opt/stoa/node_modules/node/bin:/usr/local/bin:/usr/bin:/bin \
    NODE_ENV=production \
    NODE_COMPILE_CACHE=/opt/stoa-compiled \
    STOA_DATA_DIR=/var/lib/stoa \
    STOA_INTERNAL_HOST=0.0.0.0
WORKDIR /var/lib/stoa
USER 10001:10001
# Types are stripped and sources compiled once, here, and not at each start. A service that does not exist is refused after all has been loaded.
RUN said="$(stoa up nothing 2>&1 || true)"; echo "$said" | grep -q 'no service called nothing' && test -n "$(ls /opt/stoa-compiled)" \
  || { echo "$said"; exit 1; }
# Alive, whatever else is down: an orchestrator may restart what is not. Who waits for readiness says so, as compose.yaml does.
HEALTHCHECK --interval=10s --timeout=4s --start-period=60s --retries=3 \
  CMD ["node", "/opt/stoa/deploy/docker/health.mjs", "live"]
ENTRYPOINT ["stoa"]
CMD ["up"]

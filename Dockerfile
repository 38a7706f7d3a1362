# The amends command with the order example: `docker run <image> worker <module>`, `… dashboard --host 0.0.0.0`.
FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Nothing that Amends needs runs an install script.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:22-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
EXPOSE 3700
ENTRYPOINT ["node", "/app/dist/src/cli/main.js"]
CMD ["--help"]

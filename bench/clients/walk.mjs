// What every client is asked to do, as in walk.py: list, rank, clone, wait on the running job, read what was made.

import assert from "node:assert";

export async function walk(names, call) {
  const ask = async (tool, args) => JSON.parse(await call(tool, args));
  assert.ok(["list_projects", "review_commissions"].every((name) => names.includes(name)), String(names));
  const { projects } = await ask("list_projects", { search: "acme-todo" });
  const project_id = projects[0].project_id;
  const { items } = await ask("rank_top_performers", { project_id, metric: "engagement_rate", limit: 3 });
  const order = await ask("clone_post", {
    project_id,
    source_platform_post_id: items[0].platform_post_id,
    variations: 2,
  });
  assert.equal(order.status, "running");
  let waited;
  for (let round = 0; round < 4 && !waited?.all_done; round++) {
    waited = await ask("wait_job", { job_ids: [order.job_id], timeout_seconds: 30 });
  }
  assert.equal(waited.jobs[0].status, "completed");
  const content = await ask("get_content", { container_ids: waited.jobs[0].container_ids });
  assert.equal(content.items.length, 2);
  assert(content.items.every((item) => item.assets[0].url));
  console.log("closed the loop");
}

/* What a series holds: its metrics, its buckets, and which of these are not whole. */

const STEPS = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 };
const NOT_METRICS = new Set(["bucket", "post_count"]);
const AVERAGES = new Set(["engagement_rate", "roas", "cpa", "cpc", "cpm", "ctr", "frequency", "watch_seconds_per_view"]);

/** The metrics of a result, in the order in which they were asked for, else as they are found. */
function metricsOf(data, asked) {
  const found = new Set([...strings(asked), ...data.series.flatMap(Object.keys), ...Object.keys(isObject(data.totals) ? data.totals : {})]);
  const reported = (name) => [data.totals, ...data.series].some((row) => isNumber(row?.[name]));
  return [...found].filter((name) => !NOT_METRICS.has(name) && reported(name));
}

const granularityOf = (data) => (Object.hasOwn(STEPS, data.window?.granularity) ? data.window.granularity : "day");

/** The buckets of one metric: `{ bucket, value, partial }`; a value that is missing is undefined, not 0. */
function pointsOf(data, metric) {
  const step = STEPS[granularityOf(data)];
  const seen = Date.parse(data.as_of);
  const since = Date.parse(data.window?.since);
  return data.series.map((row) => {
    const start = Date.parse(row.bucket);
    return { bucket: textOf(row.bucket), value: isNumber(row[metric]) ? row[metric] : undefined, partial: start + step > seen || start < since };
  });
}

/** A bucket in words: days and weeks are those of UTC, hours are told in the host's zone. */
function bucketWords(bucket, granularity) {
  if (granularity === "hour") return formats.moment(bucket);
  const day = formats.day(bucket, { weekday: "short" });
  return granularity === "week" ? `Week of ${formats.day(bucket)}` : day;
}

const bucketLabel = (bucket, granularity) => (granularity === "hour" ? formats.moment(bucket) : formats.day(bucket));

/** Round ticks from 0, or from below it where values are, to above the highest value. */
function ticksOf(values) {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const rough = (high - low || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** A tick in few letters: whole hours for watch time, per cent for rates, 4K for thousands. */
function tickWords(metric, value) {
  const kind = METRICS[metric]?.[1];
  if (kind === "duration") return value >= 3_600_000 ? formats.unit(value / 3_600_000, "hour") : value >= 60_000 ? formats.unit(value / 60_000, "minute") : formats.unit(value / 1000, "second");
  if (kind === "rate") return formats.percent(value);
  return formats.compact(value);
}

# Reference values from lme4 for what is, in its terms, a binomial model with a complementary log-log
# or logit link and a random intercept. Writes lme4.json beside this file.
#
#   Rscript validation/curve_synthesis/lme4.R

suppressMessages({library(lme4); library(jsonlite)})
folder <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
tight <- glmerControl(optimizer = "bobyqa", tolPwrss = 1e-10,
                      optCtrl = list(rhobeg = 0.02, rhoend = 1e-9, maxfun = 1e5))

# patients alive at each time, by study; the times are in months
studies <- list(
  list(n = 34, time = c(12, 36, 60), alive = c(28, 16, 7)),
  list(n = 15, time = c(60), alive = c(4)),
  list(n = 65, time = c(12, 48), alive = c(60, 30)),
  list(n = 17, time = c(24, 60), alive = c(13, 8)),
  list(n = 54, time = c(36, 60), alive = c(27, 18)),
  list(n = 31, time = c(12, 24, 36, 60), alive = c(29, 27, 24, 19)),
  list(n = 12, time = c(36), alive = c(2)),
  list(n = 85, time = c(12, 60), alive = c(75, 32)),
  list(n = 25, time = c(24, 36), alive = c(20, 12)))

chain <- do.call(rbind, lapply(seq_along(studies), function(i) {
  s <- studies[[i]]
  before <- c(s$n, head(s$alive, -1)); start <- c(0, head(s$time, -1))
  data.frame(study = i, start = start, end = s$time, dead = before - s$alive, alive = s$alive)
}))

fit <- function(formula, data, link) {
  model <- glmer(formula, data = data, family = binomial(link), nAGQ = 25, control = tight)
  # with several nodes lme4 leaves a constant out of the likelihood, which is only good for comparing
  list(fixed = I(unname(fixef(model))), tau = unname(sqrt(unlist(VarCorr(model)))),
       relative = as.numeric(logLik(model)))
}
one <- data.frame(study = seq_along(studies), dead = sapply(studies, function(s) s$n - tail(s$alive, 1)),
                  alive = sapply(studies, function(s) tail(s$alive, 1)))
cases <- list(
  "one time, weibull" = fit(cbind(dead, alive) ~ 1 + (1 | study), one, "cloglog"),
  "one time, log-logistic" = fit(cbind(dead, alive) ~ 1 + (1 | study), one, "logit"))

# a Weibull curve of shape g is the exponential in time to the g: the interval's offset is known
for (g in c(0.8, 1, 1.5)) {
  chain$offset <- log((chain$end / 36)^g - (chain$start / 36)^g)
  cases[[paste("shape", g)]] <- c(list(shape = g),
    fit(cbind(dead, alive) ~ 1 + offset(offset) + (1 | study), chain, "cloglog"))
}
at <- function(log_shape) {
  g <- exp(log_shape)
  chain$offset <- log((chain$end / 36)^g - (chain$start / 36)^g)
  fit(cbind(dead, alive) ~ 1 + offset(offset) + (1 | study), chain, "cloglog")$relative
}
best <- optimize(at, c(-0.3, 0.6), maximum = TRUE, tol = 1e-7)
g <- exp(best$maximum)
chain$offset <- log((chain$end / 36)^g - (chain$start / 36)^g)
cases[["shape estimated"]] <- c(list(shape = g),
  fit(cbind(dead, alive) ~ 1 + offset(offset) + (1 | study), chain, "cloglog"))

# hazards constant up to 24, to 48 and beyond: an interval's cumulative hazard is their sum, so that
# only intervals within one piece are a generalised linear model; those of these studies are, and
# hazards are per 24 months
pieces <- list(
  list(n = 40, time = c(24, 48, 72), alive = c(30, 18, 9)),
  list(n = 60, time = c(24, 48), alive = c(38, 25)),
  list(n = 22, time = c(24), alive = c(15)),
  list(n = 75, time = c(24, 48, 72), alive = c(66, 50, 30)),
  list(n = 31, time = c(24, 48, 72), alive = c(20, 15, 13)),
  list(n = 18, time = c(24, 48), alive = c(16, 9)))
steps <- do.call(rbind, lapply(seq_along(pieces), function(i) {
  s <- pieces[[i]]
  data.frame(study = i, piece = factor(s$time), dead = c(s$n, head(s$alive, -1)) - s$alive,
             alive = s$alive)
}))
cases[["pieces"]] <- fit(cbind(dead, alive) ~ piece + (1 | study), steps, "cloglog")

made_with <- list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")))
write_json(list(made_with = made_with, studies = studies, pieces = pieces, cases = cases),
           file.path(folder, "lme4.json"), auto_unbox = TRUE, digits = 17)

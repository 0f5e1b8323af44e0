# Pins posterior distributions found by brute force.  Rscript validation/metafor/bayesian.R
#
# bayesmeta is in no Debian package, so the reference is worked out here, and in another way than
# the package does it: likelihoods of mean and tau together are summed over a fixed net of some
# 2,000 values of tau, and those of the mean over a net of means. metadat gives the data.

suppressPackageStartupMessages(library(metafor))
stopifnot(packageVersion("metafor") == "3.8.1", packageVersion("metadat") == "1.2.0")

# --- the net --------------------------------------------------------------------------------------

# Gauss's rule with 40 nodes from the eigenvalues of its Jacobi matrix (Golub and Welsch 1969)
off <- (1:39) / sqrt(4 * (1:39)^2 - 1)
jacobi <- matrix(0, 40, 40)
jacobi[cbind(1:39, 2:40)] <- off
jacobi[cbind(2:40, 1:39)] <- off
eigen_of <- eigen(jacobi, symmetric = TRUE)
node <- (eigen_of$values + 1) / 2
weight <- eigen_of$vectors[1, ]^2

# panels double in width from 2^-8 times the scale; an upper limit is a break of its own
net <- function(scale, upper) {
  breaks <- c(0, scale * 2^(-8:(if (is.finite(upper)) 40 else 54)))
  breaks <- if (is.finite(upper)) c(breaks[breaks < upper], upper) else breaks
  width <- diff(breaks)
  list(tau = c(outer(node, width) + rep(head(breaks, -1), each = 40)),
       step = c(outer(weight, width)), breaks = breaks)
}

# --- priors ---------------------------------------------------------------------------------------

tau_priors <- function(s) list(
  "half-normal" = list(scale = s, density = function(t) 2 * dnorm(t, 0, s)),
  "half-Cauchy" = list(scale = s, density = function(t) 2 * dcauchy(t, 0, s)),
  "half-t" = list(scale = s, df = 3, density = function(t) 2 * dt(t / s, 3) / s),
  "exponential" = list(scale = s, density = function(t) dexp(t, 1 / s)),
  "uniform" = list(scale = 4 * s, upper = 4 * s, density = function(t) 0 * t + 1 / (4 * s)),
  "flat" = list(scale = NA, density = function(t) 0 * t + 1)
)

# --- posteriors -----------------------------------------------------------------------------------

# first between which breaks, then between those two
summaries <- function(cdf, breaks, level) {
  at <- sapply(breaks, cdf)
  sapply(c((1 - level) / 2, 0.5, (1 + level) / 2), function(p) {
    i <- max(which(at <= p))
    ends <- breaks[c(i, i + 1)]
    uniroot(function(x) cdf(x) - p, ends, tol = 1e-16 * max(abs(ends)), maxiter = 10000)$root
  })
}

# integral of a function, added up between breaks so that each part is easy
cumulative <- function(f, breaks) {
  part <- function(a, b) {
    cuts <- seq(a, b, length.out = 4)
    sum(sapply(1:3, function(i) sum(weight * f(cuts[i] + diff(cuts)[i] * node)) * diff(cuts)[i]))
  }
  last <- length(breaks)
  before <- c(0, cumsum(sapply(seq_len(last - 1), function(i) part(breaks[i], breaks[i + 1]))))
  function(x) {
    at <- findInterval(x, breaks)
    beyond <- if (at < last && x > breaks[at]) part(breaks[at], x) else 0
    (before[at] + beyond) / before[last]
  }
}

# the posterior of the mean: the likelihood of mean and tau together, summed over the net
of_mean <- function(yi, vi, tau, mass, prior_mean, prior_sd) {
  w <- 1 / outer(vi, tau^2, "+")
  centre <- weighted.mean(yi, 1 / vi)
  constant <- colSums(log(w)) / 2
  total <- colSums(w)
  first <- colSums(w * (yi - centre))
  second <- colSums(w * (yi - centre)^2)
  prior <- function(mu) if (is.na(prior_sd)) 1 else dnorm(mu, prior_mean, prior_sd)
  logs <- function(away) constant - (second - 2 * first * away + total * away^2) / 2
  peak <- max(sapply(yi - centre, function(away) max(logs(away))))
  function(mu) sapply(mu, function(m) prior(m) * sum(mass * exp(logs(m - centre) - peak)))
}

log_likelihoods <- function(yi, means, sds) {
  colSums(array(dnorm(yi, means, sds, log = TRUE), dim(sds)))
}

fit <- function(yi, vi, scale, name, prior, normal, level = 0.95) {
  k <- length(yi)
  prior_mean <- normal[1]
  prior_sd <- normal[2]
  grid <- net(min(sqrt(vi), scale), if (is.null(prior$upper)) Inf else prior$upper)
  tau <- grid$tau
  w <- 1 / outer(vi, tau^2, "+")
  w0 <- if (is.na(prior_sd)) 0 else prior_sd^-2
  total <- colSums(w) + w0
  m <- (colSums(w * yi) + if (w0 > 0) w0 * prior_mean else 0) / total
  # the likelihood of tau: that of mean and tau over the normal density of the mean, at its mode
  joint <- log_likelihoods(yi, rep(m, each = k), sqrt(1 / w))
  if (w0 > 0) joint <- joint + dnorm(m, prior_mean, prior_sd, log = TRUE)
  log_likelihood <- joint + 0.5 * log(2 * pi / total)
  log_mass <- log_likelihood + log(prior$density(tau)) + log(grid$step)
  peak <- max(log_mass)
  share <- exp(log_mass - peak)
  evidence <- peak + log(sum(share))
  share <- share / sum(share)
  out <- list(prior = name, scale = prior$scale, level = level)
  if (!is.na(prior_sd)) out$normal <- normal
  proper <- is.finite(sum(prior$scale))
  power <- c("half-Cauchy" = 2, "half-t" = 4, flat = 0)[name]
  tail <- (if (is.na(power)) Inf else power) + k - (w0 == 0)
  has <- function(moment) tail - moment > 1
  if (proper && w0 > 0) out$log_marginal <- evidence
  # tau --------------------------------------------------------------------------------------------
  density <- function(t) {
    w <- 1 / outer(vi, t^2, "+")
    total <- colSums(w) + w0
    m <- (colSums(w * yi) + if (w0 > 0) w0 * prior_mean else 0) / total
    joint <- log_likelihoods(yi, rep(m, each = k), sqrt(1 / w))
    if (w0 > 0) joint <- joint + dnorm(m, prior_mean, prior_sd, log = TRUE)
    exp(joint + 0.5 * log(2 * pi / total) + log(prior$density(t)) - evidence)
  }
  of_tau <- cumulative(density, grid$breaks)
  out$tau <- summaries(of_tau, grid$breaks, level)
  if (has(1)) out$tau_mean <- sum(share * tau)
  if (has(2)) out$tau_sd <- sqrt(sum(share * (tau - sum(share * tau))^2))
  if (proper) out$log_no_heterogeneity <- log(density(0)) - log(prior$density(0))
  # mean -------------------------------------------------------------------------------------------
  mass <- prior$density(tau) * grid$step
  f <- of_mean(yi, vi, tau, mass, prior_mean, prior_sd)
  spread <- max(diff(range(yi)), sqrt(min(vi)), if (w0 > 0) abs(prior_mean - yi) else 0)
  reach <- if (has(2)) 2^(0:14) else 2^(0:40)
  breaks <- mean(yi) + 0.25 * sqrt(min(vi)) * sort(c(-reach, 0, reach))
  breaks <- sort(c(breaks, mean(yi) + spread * seq(-2, 2, 0.25)))
  of_mu <- cumulative(f, breaks)
  out$effect <- summaries(of_mu, breaks, level)
  out$below <- sapply(c(mean(yi), 0, yi[which.min(vi)]), of_mu)
  bounded <- w0 > 0
  if (bounded || has(1)) out$effect_mean <- sum(share * m)
  variance <- sum(share * (1 / total + (m - sum(share * m))^2))
  if (bounded || has(2)) out$effect_sd <- sqrt(variance)
  if (proper && bounded) {
    at_zero <- sum(exp(log_mass - evidence) * dnorm(0, m, sqrt(1 / total)))
    out$log_no_effect <- log(at_zero) - dnorm(0, prior_mean, prior_sd, log = TRUE)
  }
  # a new study, and the first ---------------------------------------------------------------------
  mixed <- function(means, sds) {
    cdf <- function(x) sum(share * pnorm(x, means, sds))
    summaries(cdf, breaks, level)
  }
  out$new <- mixed(m, sqrt(1 / total + tau^2))
  if (has(2)) out$new_sd <- sqrt(variance + sum(share * tau^2))
  own <- tau^2 / (tau^2 + vi[1])
  means <- own * yi[1] + (1 - own) * m
  sds <- sqrt(own * vi[1] + (1 - own)^2 / total)
  out$first <- mixed(means, sds)
  out$first_mean <- sum(share * means)
  out$first_sd <- sqrt(sum(share * (sds^2 + (means - out$first_mean)^2)))
  out
}

case <- function(dat, source, scale = 0.5, normal = c(0, 2)) {
  dat <- dat[!is.na(dat$yi) & !is.na(dat$vi), ]
  yi <- as.numeric(dat$yi)
  vi <- as.numeric(dat$vi)
  fits <- list()
  for (name in names(tau_priors(scale))) for (flat in c(TRUE, FALSE)) {
    if (name == "flat" && length(yi) - flat <= 1) next
    effect <- if (flat) c(NA, NA) else normal
    fits[[length(fits) + 1]] <- fit(yi, vi, scale, name, tau_priors(scale)[[name]], effect)
  }
  alone <- length(yi) == 1 # which JSON would take for a number
  list(source = source, yi = if (alone) list(yi) else yi, vi = if (alone) list(vi) else vi,
       fits = fits)
}

# --- cases ----------------------------------------------------------------------------------------

bcg <- escalc("RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
hine <- escalc("RD", n1i = n1i, n2i = n2i, ai = ai, ci = ci, data = dat.hine1989)
yusuf <- escalc("OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat.yusuf1985,
                subset = (table == "6"))
pignon <- data.frame(yi = dat.pignon2000$OmE / dat.pignon2000$V, vi = 1 / dat.pignon2000$V)
pignon <- pignon[order(pignon$vi), ][1:12, ]
nielweise <- escalc("IRR", x1i = x1i, x2i = x2i, t1i = t1i, t2i = t2i, data = dat.nielweise2008)
collins <- escalc("OR", ai = pre.xti, n1i = pre.nti, ci = pre.xci, n2i = pre.nci,
                  data = dat.collins1985b)
crins <- escalc("OR", ai = c(14, 16, 3, 9, 4, 0), n1i = c(61, 28, 18, 54, 36, 50),
                ci = c(15, 19, 8, 29, 11, 3), n2i = c(20, 28, 12, 54, 36, 34))
schools <- data.frame(yi = c(28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16),
                      vi = c(14.9, 10.2, 16.3, 11.0, 9.4, 11.4, 10.4, 17.6)^2)

cases <- list(
  "bcg" = case(bcg, "metadat dat.bcg, log risk ratio"),
  "hackshaw1998" = case(dat.hackshaw1998[1:20, ], "metadat dat.hackshaw1998, first 20, log OR"),
  "hine1989" = case(hine, "metadat dat.hine1989, risk difference", 0.05, c(0, 0.2)),
  "yusuf1985-table-6" = case(yusuf, "metadat dat.yusuf1985, table 6, log odds ratio"),
  "pignon2000" = case(pignon, "metadat dat.pignon2000, log hazard ratio of the 12 largest trials"),
  "nielweise2008" = case(nielweise, "metadat dat.nielweise2008, log rate ratio"),
  "collins1985b" = case(collins, "metadat dat.collins1985b, pre-eclampsia, log odds ratio"),
  "crins2014" = case(crins, "Crins and others 2014, as in Röver 2020 table 3", 0.5, c(0, 4)),
  "crins2014-randomized" = case(crins[c(1, 5), ], "its two randomized studies", 0.5, c(0, 4)),
  "crins2014-three" = case(crins[1:3, ], "its first three studies", 0.5, c(0, 4)),
  "crins2014-one" = case(crins[1, ], "its first study alone", 0.5, c(0, 4)),
  "rubin1981" = case(schools, "Rubin 1981, eight schools", 25, c(0, 50)),
  "bcg-in-millionths" = case(transform(bcg, yi = 1e-6 * yi, vi = 1e-12 * vi),
                             "metadat dat.bcg in units of 1e-6", 5e-7, c(0, 2e-6))
)

# --- JSON, every double with the 17 digits that name it -------------------------------------------

as_json <- function(x) {
  if (is.list(x)) {
    items <- vapply(x, as_json, "")
    if (is.null(names(x))) return(paste0("[", paste(items, collapse = ",\n"), "]"))
    return(paste0("{", paste0("\"", names(x), "\": ", items, collapse = ", "), "}"))
  }
  items <- if (is.character(x)) paste0("\"", x, "\"")
    else ifelse(is.finite(x), sprintf("%.17g", x), "null")
  if (length(x) != 1) paste0("[", paste(items, collapse = ", "), "]") else items
}

made_with <- list(R = paste(R.version$major, R.version$minor, sep = "."),
                  metafor = as.character(packageVersion("metafor")),
                  metadat = as.character(packageVersion("metadat")))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
json <- as_json(list(made_with = made_with, cases = cases))
writeLines(json, file.path(here, "bayesian.json"), useBytes = TRUE)

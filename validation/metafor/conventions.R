# Pins what metafor says under its own choices.  Rscript validation/metafor/conventions.R
#
# As in reference.R every iteration is driven to the end of double precision, and the likelihood is
# climbed from several places, keeping the highest maximum.

suppressPackageStartupMessages(library(metafor))
stopifnot(packageVersion("metafor") == "3.8.1", packageVersion("metadat") == "1.2.0")

quietly <- function(expression) suppressWarnings(suppressMessages(expression))
pair <- function(low, high) c(as.numeric(low), as.numeric(high))

control_for <- function(yi, vi, init = NULL) {
  spread <- max(sum((yi - mean(yi))^2), max(vi))
  values <- list(threshold = 1e-15 * spread, maxiter = 1e6, tol = 1e-300, tau2.max = 1e9 * spread)
  if (!is.null(init)) values$tau2.init <- init
  values
}

fit <- function(yi, vi, method, test) {
  climbs <- method %in% c("REML", "ML")
  starts <- if (climbs) list(NULL, 0, min(vi), var(yi), 4 * max(yi^2)) else list(NULL)
  fits <- lapply(starts, function(init) quietly(try(
    rma(yi, vi, method = method, test = test, control = control_for(yi, vi, init)), silent = TRUE)))
  fits <- Filter(function(f) !inherits(f, "try-error"), fits)
  fits[[which.max(sapply(fits, function(f) as.numeric(logLik(f, REML = method == "REML"))))]]
}

# the limit of the profile likelihood that metafor finds, at the tightest it takes
profiled <- function(res, yi, vi) {
  bounds <- quietly(try(confint(res, type = "PL", control = control_for(yi, vi)), silent = TRUE))
  if (inherits(bounds, "try-error")) return(c(NA, NA))
  pair(bounds$random["tau^2", "ci.lb"], bounds$random["tau^2", "ci.ub"])
}

one_fit <- function(yi, vi, method, test) {
  res <- fit(yi, vi, method, test)
  bounds <- quietly(confint(res, control = control_for(yi, vi)))$random
  predicted <- function(...) { p <- predict(res, ...); pair(p$pi.lb, p$pi.ub) }
  likelihood <- method %in% c("ML", "REML") && test == "z"
  list(method = method, test = test, estimate = as.numeric(res$b), standard_error = res$se,
       interval = pair(res$ci.lb, res$ci.ub), statistic = res$zval, p_value = res$pval,
       tau2 = res$tau2, tau2_standard_error = res$se.tau2, i2 = res$I2, h2 = res$H2,
       tau2_interval = pair(bounds["tau^2", "ci.lb"], bounds["tau^2", "ci.ub"]),
       i2_interval = pair(bounds["I^2(%)", "ci.lb"], bounds["I^2(%)", "ci.ub"]),
       h2_interval = pair(bounds["H^2", "ci.lb"], bounds["H^2", "ci.ub"]),
       prediction_interval = predicted(), prediction_hts = predicted(pi.type = "riley"),
       prediction_t = predicted(pi.type = "t"),
       profile_likelihood = if (likelihood) profiled(res, yi, vi) else c(NA, NA))
}

cases <- list()
case <- function(name, source, dat) {
  keep <- !is.na(dat$yi) & !is.na(dat$vi)
  yi <- as.numeric(dat$yi[keep]); vi <- as.numeric(dat$vi[keep])
  common <- rma(yi, vi, method = "EE")
  fits <- list()
  for (method in c("REML", "ML", "DL", "PM", "EB", "SJ", "HE", "HS"))
    for (test in c("z", "knha")) fits[[length(fits) + 1]] <- one_fit(yi, vi, method, test)
  cases[[name]] <<- list(source = source, yi = yi, vi = vi, i2_from_q = common$I2,
                         h2_from_q = common$H2, fits = fits)
}

case("bcg", "metadat dat.bcg, log risk ratio",
     escalc("RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg))
case("raudenbush1985", "metadat dat.raudenbush1985", dat.raudenbush1985)
case("hackshaw1998", "metadat dat.hackshaw1998", dat.hackshaw1998)
case("hine1989", "metadat dat.hine1989, risk difference",
     escalc("RD", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat.hine1989))
case("collins1985b", "metadat dat.collins1985b, log odds ratio",
     escalc("OR", ai = pre.xti, n1i = pre.nti, ci = pre.xci, n2i = pre.nci,
            data = dat.collins1985b))
case("bangertdrowns2004", "metadat dat.bangertdrowns2004", dat.bangertdrowns2004)
case("molloy2014", "metadat dat.molloy2014, Fisher's z",
     escalc("ZCOR", ri = ri, ni = ni, data = dat.molloy2014))
case("curtis1998", "metadat dat.curtis1998, log ratio of means",
     escalc("ROM", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i,
            data = dat.curtis1998))
case("viechtbauer2021", "metadat dat.viechtbauer2021, log odds ratio",
     escalc("OR", ai = xTi, n1i = nTi, ci = xCi, n2i = nCi, data = dat.viechtbauer2021))
case("normand1999", "metadat dat.normand1999, mean difference",
     escalc("MD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i,
            data = dat.normand1999))

as_json <- function(x) {
  if (is.list(x)) {
    items <- vapply(x, as_json, "")
    if (is.null(names(x))) return(paste0("[", paste(items, collapse = ",\n"), "]"))
    return(paste0("{", paste0("\"", names(x), "\": ", items, collapse = ", "), "}"))
  }
  items <- if (is.character(x)) paste0("\"", x, "\"") else
    ifelse(is.finite(x), sprintf("%.17g", x), "null")
  if (length(x) != 1) paste0("[", paste(items, collapse = ", "), "]") else items
}

made_with <- list(R = as.character(getRversion()),
                  metafor = as.character(packageVersion("metafor")),
                  metadat = as.character(packageVersion("metadat")))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
writeLines(as_json(list(made_with = made_with, cases = cases)),
           file.path(here, "conventions.json"), useBytes = TRUE)

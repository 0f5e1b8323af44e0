# Pins effects as metafor's escalc and R's survival give them.  Rscript validation/metafor/effects.R
#
# Counts and rates come from metadat, survival curves and Cox models from the survival package.
# What R gives as NA, or with a variance of 0, is pinned as null. To keep the file small, at most nine
# rows are taken of each set of counts: up to five with a zero, and the first of the others.

suppressPackageStartupMessages({
  library(metafor)
  library(survival)
})
stopifnot(packageVersion("metafor") == "3.8.1", packageVersion("metadat") == "1.2.0")

# --- JSON, every double with the 17 digits that name it -------------------------------------------

as_json <- function(x) {
  if (is.list(x)) {
    items <- vapply(x, as_json, "")
    if (is.null(names(x))) return(paste0("[", paste(items, collapse = ","), "]"))
    return(paste0("{", paste0("\"", names(x), "\":", items, collapse = ",\n"), "}"))
  }
  items <- if (is.character(x)) paste0("\"", x, "\"")
    else ifelse(is.finite(x), sprintf("%.17g", x), "null")
  if (length(x) != 1) paste0("[", paste(items, collapse = ","), "]") else items
}

# --- counts and rates by escalc -------------------------------------------------------------------

# a list even for one row, and null in both where there is no effect with a variance above 0
moments <- function(e) {
  yi <- as.numeric(e$yi)
  vi <- as.numeric(e$vi)
  lost <- is.na(yi) | is.na(vi) | vi <= 0
  yi[lost] <- NA
  vi[lost] <- NA
  list(yi = as.list(yi), vi = as.list(vi))
}

corrections <- list(none = list(0, "none"), only0 = list(0.5, "only0"), all = list(0.5, "all"),
                    if0all = list(0.5, "if0all"), "only0 by 0.1" = list(0.1, "only0"))

# The corrections that change something where a count is zero, otherwise none; `every` asks for all.
calculated <- function(measures, arguments, has_zero, every) {
  out <- list()
  wanted <- if (every) names(corrections) else if (has_zero) c("none", "only0", "all") else "none"
  for (name in wanted) for (measure in measures) {
    parts <- strsplit(measure, " ")[[1]]
    vtype <- if (length(parts) == 2) parts[2] else "LS"
    # an average over rows some of which are null is compared where a correction leaves none
    at <- if (measure %in% c("PLN AV", "PLO AV") && has_zero) "only0" else "none"
    if (vtype != "LS" && name != at) next
    given <- c(list(measure = parts[1], vtype = vtype, add = corrections[[name]][[1]],
                    to = corrections[[name]][[2]]), arguments)
    out[[paste(measure, name, sep = ", ")]] <- moments(suppressWarnings(do.call(escalc, given)))
  }
  out
}

nine <- function(usable, zero) {
  rows <- which(usable)
  sort(head(c(head(rows[zero[rows]], 5), rows[!zero[rows]]), 9))
}

two_arms <- function(source, ai, n1i, ci, n2i, every = FALSE) {
  usable <- complete.cases(ai, n1i, ci, n2i) & ai <= n1i & ci <= n2i & n1i > 0 & n2i > 0
  kept <- nine(usable, ai == 0 | ci == 0 | ai == n1i | ci == n2i)
  ai <- as.numeric(ai[kept]); n1i <- as.numeric(n1i[kept])
  ci <- as.numeric(ci[kept]); n2i <- as.numeric(n2i[kept])
  zero <- any(ai == 0 | ci == 0 | ai == n1i | ci == n2i)
  arguments <- list(ai = ai, bi = n1i - ai, ci = ci, di = n2i - ci)
  measures <- c("OR", "RR", "RD", "PETO", "AS", "RD AV", "RD UB")
  list(source = source, kind = "two arms", treated_events = ai, treated_n = n1i,
       control_events = ci, control_n = n2i,
       effects = calculated(measures, arguments, zero, every))
}

one_arm <- function(source, xi, ni, every = FALSE) {
  kept <- nine(complete.cases(xi, ni) & xi <= ni & ni > 1, xi == 0 | xi == ni)
  xi <- as.numeric(xi[kept]); ni <- as.numeric(ni[kept])
  zero <- any(xi == 0 | xi == ni)
  measures <- c("PR", "PLN", "PLO", "PAS", "PFT", "PR AV", "PR UB", "PLN AV", "PLO AV")
  list(source = source, kind = "one arm", events = xi, n = ni,
       effects = calculated(measures, list(xi = xi, ni = ni), zero, every))
}

two_rates <- function(source, x1i, t1i, x2i, t2i) {
  list(source = source, kind = "two rates", treated_events = x1i, treated_time = t1i,
       control_events = x2i, control_time = t2i,
       effects = calculated(c("IRR", "IRD", "IRSD"),
                            list(x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i),
                            any(x1i == 0 | x2i == 0), TRUE))
}

one_rate <- function(source, xi, ti) {
  list(source = source, kind = "one rate", events = xi, person_time = ti,
       effects = calculated(c("IR", "IRLN", "IRS", "IRFT"), list(xi = xi, ti = ti), any(xi == 0),
                            TRUE))
}

b <- dat.bcg
d <- dat.landenberger2005
v <- dat.vanhowe1999
y6 <- dat.yusuf1985[dat.yusuf1985$table == "6", ]
y12 <- dat.yusuf1985[dat.yusuf1985$table == "12a", ]
nrt <- dat.hartmannboyce2018
ks <- dat.kearon1998
cases <- list(
  bcg = two_arms("metadat dat.bcg", b$tpos, b$tpos + b$tneg, b$cpos, b$cpos + b$cneg),
  "collins1985a" = with(dat.collins1985a, two_arms("metadat dat.collins1985a", b.xti, nti, b.xci,
                                                   nci)),
  "collins1985b" = with(dat.collins1985b, two_arms("metadat dat.collins1985b, pre-eclampsia",
                                                   pre.xti, pre.nti, pre.xci, pre.nci)),
  "collins1985b-stillbirths" = with(dat.collins1985b,
                                    two_arms("metadat dat.collins1985b, stillbirths", stb.xti,
                                             pre.nti, stb.xci, pre.nci)),
  egger2001 = with(dat.egger2001, two_arms("metadat dat.egger2001", ai, n1i, ci, n2i)),
  hine1989 = with(dat.hine1989, two_arms("metadat dat.hine1989", ai, n1i, ci, n2i)),
  laopaiboon2015 = with(dat.laopaiboon2015, two_arms("metadat dat.laopaiboon2015", ai, n1i, ci,
                                                     n2i)),
  lee2004 = with(dat.lee2004, two_arms("metadat dat.lee2004", ai, n1i, ci, n2i)),
  li2007 = with(dat.li2007, two_arms("metadat dat.li2007", ai, n1i, ci, n2i)),
  linde2005 = with(dat.linde2005, two_arms("metadat dat.linde2005", ai, n1i, ci, n2i)),
  nielweise2007 = with(dat.nielweise2007, two_arms("metadat dat.nielweise2007", ai, n1i, ci, n2i,
                                                   TRUE)),
  "yusuf1985-table-6" = with(y6, two_arms("metadat dat.yusuf1985, table 6", ai, n1i, ci, n2i)),
  "yusuf1985-table-12a" = with(y12, two_arms("metadat dat.yusuf1985, table 12a", ai, n1i, ci,
                                             n2i)),
  anand1999 = with(dat.anand1999, two_arms("metadat dat.anand1999", ai, n1i, ci, n2i)),
  axfors2021 = with(dat.axfors2021, two_arms("metadat dat.axfors2021", hcq_arm_event, hcq_arm_total,
                                             control_arm_event, control_arm_total)),
  damico2009 = with(dat.damico2009, two_arms("metadat dat.damico2009", xt, nt, xc, nc)),
  dorn2007 = with(dat.dorn2007, two_arms("metadat dat.dorn2007", x.a, n.a, x.p, n.p)),
  fine1993 = with(dat.fine1993, two_arms("metadat dat.fine1993, first event", e1i, nei, c1i, nci)),
  graves2010 = with(dat.graves2010, two_arms("metadat dat.graves2010", ai, n1i, ci, n2i)),
  hahn2001 = with(dat.hahn2001, two_arms("metadat dat.hahn2001", ai, n1i, ci, n2i)),
  hartmannboyce2018 = with(nrt, two_arms("metadat dat.hartmannboyce2018", x.nrt,
                                         n.nrt, x.ctrl, n.ctrl)),
  landenberger2005 = two_arms("metadat dat.landenberger2005", d$n.cbt.rec,
                              d$n.cbt.rec + d$n.cbt.non, d$n.ctrl.rec, d$n.ctrl.rec + d$n.ctrl.non),
  lau1992 = with(dat.lau1992, two_arms("metadat dat.lau1992", ai, n1i, ci, n2i)),
  vanhowe1999 = two_arms("metadat dat.vanhowe1999", v$non.pos, v$non.pos + v$non.neg, v$cir.pos,
                         v$cir.pos + v$cir.neg),
  viechtbauer2021 = with(dat.viechtbauer2021, two_arms("metadat dat.viechtbauer2021", xTi, nTi,
                                                       xCi, nCi)),
  baker2009 = with(dat.baker2009, one_arm("metadat dat.baker2009", exac, total)),
  debruin2009 = with(dat.debruin2009, one_arm("metadat dat.debruin2009", xi, ni, TRUE)),
  dogliotti2014 = with(dat.dogliotti2014, one_arm("metadat dat.dogliotti2014", stroke, total)),
  dong2013 = with(dat.dong2013, one_arm("metadat dat.dong2013", death, randomized)),
  gurusamy2011 = with(dat.gurusamy2011, one_arm("metadat dat.gurusamy2011", death, n)),
  hannum2020 = with(dat.hannum2020, one_arm("metadat dat.hannum2020", xi, ni)),
  hasselblad1998 = with(dat.hasselblad1998, one_arm("metadat dat.hasselblad1998", xi, ni)),
  kearon1998 = one_arm("metadat dat.kearon1998, true positives", ks$tp, ks$np),
  obrien2003 = with(dat.obrien2003, one_arm("metadat dat.obrien2003", cases, total)),
  pagliaro1992 = with(dat.pagliaro1992, one_arm("metadat dat.pagliaro1992", xi, ni)),
  pritz1997 = with(dat.pritz1997, one_arm("metadat dat.pritz1997", xi, ni, TRUE)),
  woods2010 = with(dat.woods2010, one_arm("metadat dat.woods2010", r, N)),
  hart1999 = with(dat.hart1999, two_rates("metadat dat.hart1999", x1i, t1i, x2i, t2i)),
  nielweise2008 = with(dat.nielweise2008, two_rates("metadat dat.nielweise2008", x1i, t1i, x2i,
                                                    t2i)),
  "hart1999-warfarin" = with(dat.hart1999, one_rate("metadat dat.hart1999, warfarin", x1i, t1i)),
  "hart1999-control" = with(dat.hart1999, one_rate("metadat dat.hart1999, control", x2i, t2i)),
  "nielweise2008-treated" = with(dat.nielweise2008,
                                 one_rate("metadat dat.nielweise2008, anti-infective", x1i, t1i)),
  "nielweise2008-control" = with(dat.nielweise2008,
                                 one_rate("metadat dat.nielweise2008, standard", x2i, t2i))
)

h <- dat.hackshaw1998
cases$hackshaw1998 <- list(
  source = "metadat dat.hackshaw1998, ratio and interval, as on its help page", kind = "intervals",
  estimate = h$or, low = h$or.lb, high = h$or.ub,
  yi = log(h$or), vi = ((log(h$or.ub) - log(h$or.lb)) / (2 * qnorm(.975)))^2)
p <- dat.pignon2000
cases$pignon2000 <- list(
  source = "metadat dat.pignon2000, O - E and V, as on its help page", kind = "o minus e",
  observed_minus_expected = p$OmE, variance = p$V, yi = p$OmE / p$V, vi = 1 / p$V)

# --- the ways back --------------------------------------------------------------------------------

grid <- c(-0.3, 0, 0.05, 0.2, 0.5, 0.785, 1, 1.3, 1.5, 1.5707, 1.6, 2)
back <- list(
  value = grid, sizes = c(5, 12, 40, 300),
  logit = transf.ilogit(grid), arcsine = transf.iarcsin(grid),
  "square root rate" = transf.isqrt(grid),
  "freeman-tukey" = transf.ipft.hm(grid, targs = list(ni = c(5, 12, 40, 300))),
  "freeman-tukey rate" = transf.iirft(grid, ti = 1 / mean(1 / c(5, 12, 40, 300)))
)

# --- hazard ratios by every route, from the patients ----------------------------------------------

comparison <- function(source, time, event, treated) {
  dat <- data.frame(time = as.numeric(time), event = as.numeric(event), treated = as.numeric(treated))
  dat <- dat[complete.cases(dat) & dat$time > 0, ]
  control <- coxph.control(eps = 1e-13, iter.max = 100, toler.chol = 1e-14)
  cox <- coxph(Surv(time, event) ~ treated, dat, control = control)
  beta <- unname(coef(cox))
  se <- sqrt(vcov(cox)[1, 1])
  lr <- survdiff(Surv(time, event) ~ treated, dat)
  levels <- c(90, 95, 99)
  z <- qnorm(0.5 + levels / 200)
  o <- tapply(dat$event, dat$treated, sum)
  n <- as.numeric(table(dat$treated))
  v <- lr$var[2, 2]
  score <- abs(qnorm(pchisq((lr$obs[2] - lr$exp[2])^2 / v, 1, lower.tail = FALSE) / 2))
  share <- n[2] / sum(n)
  events <- sum(dat$event)
  list(
    source = source, ratio = exp(beta), se = se, level = levels, low = exp(beta - z * se),
    high = exp(beta + z * se), wald_p = 2 * pnorm(-abs(beta / se)),
    likelihood_p = pchisq(2 * diff(cox$loglik), 1, lower.tail = FALSE),
    likelihood_vi = beta^2 / (2 * diff(cox$loglik)),
    log_rank_p = 2 * pnorm(-score), favours = if (lr$obs[2] < lr$exp[2]) "treated" else "control",
    observed_minus_expected = lr$obs[2] - lr$exp[2], variance = v,
    score_yi = (lr$obs[2] - lr$exp[2]) / v, score_vi = 1 / v,
    treated_events = o[["1"]], control_events = o[["0"]],
    treated_expected = lr$exp[2], control_expected = lr$exp[1],
    pike_yi = log(lr$obs[2] / lr$exp[2] / (lr$obs[1] / lr$exp[1])),
    pike_vi = 1 / lr$exp[2] + 1 / lr$exp[1],
    treated_n = n[2], control_n = n[1],
    share_yi = sign(lr$obs[2] - lr$exp[2]) * score / sqrt(events * share * (1 - share)),
    share_vi = 1 / (events * share * (1 - share)),
    by_arm_vi = 1 / o[["1"]] + 1 / o[["0"]]
  )
}

colon2 <- subset(colon, etype == 2 & rx != "Lev")
comparisons <- list(
  aml = with(aml, comparison("survival aml", time, status, x == "Maintained")),
  colon = with(colon2, comparison("survival colon, deaths", time, status, rx == "Lev+5FU")),
  diabetic = with(diabetic, comparison("survival diabetic, eyes as if independent", time, status,
                                       trt)),
  gbsg = with(gbsg, comparison("survival gbsg", rfstime, status, hormon)),
  kidney = with(kidney, comparison("survival kidney, infections as if independent", time, status,
                                   sex == 2)),
  lung = with(lung, comparison("survival lung", time, status == 2, sex == 2)),
  mgus2 = with(mgus2, comparison("survival mgus2", futime, death, sex == "F")),
  myeloid = with(myeloid, comparison("survival myeloid", futime, death, trt == "B")),
  nafld1 = with(nafld1, comparison("survival nafld1", futime, status, male)),
  ovarian = with(ovarian, comparison("survival ovarian", futime, fustat, rx == 2)),
  pbc = with(subset(pbc, !is.na(trt)), comparison("survival pbc, deaths", time, status == 2,
                                                  trt == 1)),
  rotterdam = with(rotterdam, comparison("survival rotterdam", dtime, death, hormon)),
  udca = with(udca1, comparison("survival udca1", futime, status, trt)),
  veteran = with(veteran, comparison("survival veteran", time, status, trt == 2))
)

# --- survival at a time and medians, from the patients --------------------------------------------

kinds <- c("log-log" = "log-log", log = "log", plain = "plain", logit = "logit", arcsine = "arcsin")

curve <- function(source, time, event) {
  dat <- data.frame(time = as.numeric(time), event = as.numeric(event))
  dat <- dat[complete.cases(dat) & dat$time > 0, ]
  usual <- survfit(Surv(time, event) ~ 1, dat)
  deaths <- which(usual$n.event > 0 & usual$surv > 0)
  at <- unique(c(deaths[1], deaths[round(length(deaths) * c(.2, .4, .6, .8))], tail(deaths, 1)))
  times <- usual$time[at]
  s <- usual$surv[at]
  se <- summary(usual, times = times)$std.err
  intervals <- list()
  for (kind in names(kinds)) for (level in c(90, 95)) {
    fit <- survfit(Surv(time, event) ~ 1, dat, conf.type = kinds[[kind]], conf.int = level / 100)
    intervals[[length(intervals) + 1]] <-
      list(kind = kind, level = level, low = fit$lower[at], high = fit$upper[at])
  }
  peto <- survfit(Surv(time, event) ~ 1, dat, conf.type = "log", conf.lower = "peto")
  middle <- quantile(survfit(Surv(time, event) ~ 1, dat, conf.type = "log-log"), 0.5)
  median <- as.numeric(middle$quantile)
  limits <- c(as.numeric(middle$lower), as.numeric(middle$upper))
  list(
    source = source, survival = s, standard_error = se, at_risk = usual$n.risk[at],
    peto_log_vi = ((log(s) - log(peto$lower[at])) / qnorm(.975))^2,
    vi = list(identity = se^2, log = (se / s)^2, cloglog = (se / (s * log(s)))^2,
              logit = (se / (s * (1 - s)))^2, arcsine = (se / (2 * sqrt(s * (1 - s))))^2),
    intervals = intervals,
    median = median, median_low = limits[1], median_high = limits[2],
    median_vi = if (is.na(limits[2])) ((log(median) - log(limits[1])) / qnorm(.975))^2
      else (log(limits[2] / limits[1]) / (2 * qnorm(.975)))^2
  )
}

curves <- list(
  aml = with(aml, curve("survival aml", time, status)),
  colon = with(colon2, curve("survival colon, deaths, treated", time[rx == "Lev+5FU"],
                             status[rx == "Lev+5FU"])),
  lung = with(lung, curve("survival lung", time, status == 2)),
  ovarian = with(ovarian, curve("survival ovarian", futime, fustat)),
  pbc = with(pbc, curve("survival pbc, deaths", time, status == 2)),
  veteran = with(veteran, curve("survival veteran", time, status))
)

made_with <- list(R = paste(R.version$major, R.version$minor, sep = "."),
                  metafor = as.character(packageVersion("metafor")),
                  metadat = as.character(packageVersion("metadat")),
                  survival = as.character(packageVersion("survival")))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
json <- as_json(list(made_with = made_with, cases = cases, back = back, comparisons = comparisons,
                     curves = curves))
writeLines(json, file.path(here, "effects.json"), useBytes = TRUE)

# Times metafor for pooling.py, which asks one line at a time; the start of R is not in any time.
#
#   Rscript pooling.R FOLDER
#   time TASK WHAT REPEATS    answers seconds per pool and how many data sets did not converge;
#                             WHAT is "fit" or "all"
#   check TASK COUNT          writes TASK-metafor.csv: the first COUNT fits, by the default stopping
#                             rule and with the iteration driven on to 1e-12

suppressPackageStartupMessages(library(metafor))
folder <- commandArgs(TRUE)[1]

matrix_of <- function(name) {
  unname(as.matrix(read.csv(file.path(folder, paste0(name, ".csv")), header = FALSE)))
}
effects <- list()
variances <- list()
for (task in c("small", "large", "many")) {
  effects[[task]] <- matrix_of(paste0(task, "-yi"))
  variances[[task]] <- matrix_of(paste0(task, "-vi"))
}

fit <- function(yi, vi, ...) rma(yi, vi, method = "REML", test = "adhoc", ...)
all_of_it <- function(yi, vi) {
  found <- fit(yi, vi)
  list(found, confint(found), predict(found))
}

# its iteration stops with an error on a few data sets
unless_it_stops <- function(expression) tryCatch(expression, error = function(e) NULL)

seconds <- function(task, call, repeats) {
  y <- effects[[task]]
  v <- variances[[task]]
  failed <- 0
  started <- proc.time()[["elapsed"]]
  for (r in seq_len(repeats)) for (i in seq_len(nrow(y))) {
    if (is.null(unless_it_stops(call(y[i, ], v[i, ])))) failed <- failed + 1
  }
  spent <- (proc.time()[["elapsed"]] - started) / (repeats * nrow(y))
  paste(format(spent, digits = 9), failed / repeats)
}

numbers <- function(found) {
  if (is.null(found)) return(rep(NaN, 4))
  c(found$b, found$ci.lb, found$ci.ub, found$tau2)
}
check <- function(task, count) {
  rows <- t(sapply(seq_len(count), function(i) {
    yi <- effects[[task]][i, ]
    vi <- variances[[task]][i, ]
    further <- list(threshold = 1e-12, maxiter = 10000)
    c(numbers(unless_it_stops(fit(yi, vi))),
      numbers(unless_it_stops(fit(yi, vi, control = further))))
  }))
  write.table(format(rows, digits = 17), file.path(folder, paste0(task, "-metafor.csv")),
              sep = ",", quote = FALSE, row.names = FALSE, col.names = FALSE)
}

answer <- function(text) {
  cat(text, "\n", sep = "")
  flush(stdout())
}
answer(paste0("metafor ", packageVersion("metafor"), " under R ", getRversion()))
input <- file("stdin", "r")
while (length(line <- readLines(input, 1)) > 0) {
  words <- strsplit(line, " ")[[1]]
  if (words[1] == "time") {
    call <- list(fit = fit, all = all_of_it)[[words[3]]]
    answer(seconds(words[2], call, as.integer(words[4])))
  } else {
    check(words[2], as.integer(words[3]))
    answer("checked")
  }
}

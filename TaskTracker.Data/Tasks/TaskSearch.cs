using Microsoft.EntityFrameworkCore;
using NpgsqlTypes;

namespace TaskTracker.Data.Tasks;

/// <summary>How words that are searched for are understood; the database does it.</summary>
public static class TaskSearch
{
    /// <summary>
    /// Reads words as <c>websearch_to_tsquery</c> does: all of them, in any order; <c>"a phrase"</c>, <c>or</c> and
    /// <c>-without</c>. With a <c>*</c> at the end the last word is only the beginning of one.
    /// </summary>
    /// <param name="words">The words.</param>
    /// <returns>Nothing: only queries call it.</returns>
    /// <exception cref="NotSupportedException">It was called outside of a query.</exception>
    public static NpgsqlTsQuery Read(string words) => throw new NotSupportedException("Only queries of the database can call this.");

    internal static void Map(ModelBuilder model) =>
        model.HasDbFunction(typeof(TaskSearch).GetMethod(nameof(Read))!).HasName("read_search");
}
